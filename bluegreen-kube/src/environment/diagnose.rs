//! Why a color isn't healthy: what its objects, events and logs say, in plain sentences.

use std::collections::BTreeMap;

use bluegreen_core::{BackendError, Color, ColorObservation, Diagnosis, ObstacleKind};
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::ResourceExt;
use kube::api::{ListParams, LogParams};

use super::DeploymentEnvironment;
use super::containers::{containers, last_end, times};
use super::observation::observe_from;
use super::workload::{Workload, is_ready, is_terminating};

/// How many pods are looked at closely.
const PODS: usize = 3;

const LOG_LINES: i64 = 10;

/// How much of one log, event list or condition list is kept.
const ENTRY_BYTES: usize = 4096;

const ENTRIES: usize = 10;

/// What was read besides the objects themselves, each by the name of its object.
#[derive(Debug, Default)]
struct Findings {
    /// By pod and container; whether of the run before this one, and what it wrote.
    logs: BTreeMap<(String, String), (bool, String)>,
    /// Warnings, the last ones last.
    events: BTreeMap<String, Vec<String>>,
    /// What could not be read.
    unread: Vec<String>,
}

impl DeploymentEnvironment {
    pub(super) async fn find_causes(&self, color: Color) -> Result<Diagnosis, BackendError> {
        let workload = self.read_workload(color).await?;
        let observation = observe_from(&self.settings, color, &workload, None);
        let pods = suspects(&workload);
        let mut findings = Findings::default();
        for ((pod, container), log) in join_all(pods.iter().flat_map(|pod| self.logs(pod))).await {
            match log {
                Ok((previous, text)) => {
                    findings.logs.insert((pod, container), (previous, text));
                }
                Err(error) => findings.unread.push(unread(&error)),
            }
        }
        let mut names: Vec<(&str, String)> = pods.iter().map(|pod| ("Pod", pod.name_any())).collect();
        names.extend(workload.current_set().map(|set| ("ReplicaSet", set.name_any())));
        for (object, events) in join_all(names.into_iter().map(|(kind, name)| self.warnings(kind, name))).await {
            match events {
                Ok(events) if events.is_empty() => {}
                Ok(events) => {
                    findings.events.insert(object, events);
                }
                Err(error) => findings.unread.push(unread(&error)),
            }
        }
        findings.unread.dedup();
        Ok(Diagnosis { causes: causes(&observation, &workload, &findings), evidence: evidence(&pods, &findings) })
    }

    /// The last lines of the containers of a pod that are not well.
    fn logs<'a>(
        &'a self,
        pod: &'a Pod,
    ) -> impl Iterator<Item = impl Future<Output = ((String, String), Result<(bool, String), BackendError>)> + 'a> {
        containers(pod).filter(|status| !status.ready || status.restart_count > 0).filter_map(move |status| {
            let previous = previous_run(status)?;
            Some(async move {
                let (name, container) = (pod.name_any(), status.name.clone());
                let params = LogParams {
                    container: Some(container.clone()),
                    previous,
                    tail_lines: Some(LOG_LINES),
                    limit_bytes: Some(ENTRY_BYTES as i64),
                    ..LogParams::default()
                };
                let api = self.cluster.api::<Pod>(&self.settings.target.namespace);
                let object = format!("the log of Pod/{name}");
                let log = self.cluster.read("read", &object, api.logs(&name, &params)).await;
                ((name, container), log.map(|text| (previous, text)))
            })
        })
    }

    async fn warnings(&self, kind: &str, name: String) -> (String, Result<Vec<String>, BackendError>) {
        let fields = format!("involvedObject.kind={kind},involvedObject.name={name},type=Warning");
        let object = format!("{kind}/{name}");
        let api = self.cluster.api::<Event>(&self.settings.target.namespace);
        let params = ListParams::default().fields(&fields);
        let events = self.cluster.read("list", &format!("events of {object}"), api.list(&params)).await;
        (object, events.map(|list| in_order(list.items)))
    }
}

/// The pods that are worth a closer look, the worst first.
fn suspects(workload: &Workload) -> Vec<&Pod> {
    let restarts = |pod: &Pod| containers(pod).map(|status| status.restart_count).sum::<i32>();
    let mut pods: Vec<&Pod> = workload.current_pods();
    pods.retain(|pod| !is_terminating(pod) && (!is_ready(pod) || restarts(pod) > 0));
    pods.sort_by_key(|pod| (is_ready(pod), std::cmp::Reverse(restarts(pod)), pod.name_any()));
    pods.truncate(PODS);
    pods
}

/// Whether the run before this one has the log that matters; `None` when there is no log at all.
fn previous_run(status: &ContainerStatus) -> Option<bool> {
    let ended_before = status.last_state.as_ref().is_some_and(|state| state.terminated.is_some());
    let state = status.state.as_ref()?;
    if ended_before && state.terminated.is_none() {
        return Some(true);
    }
    (state.running.is_some() || state.terminated.is_some()).then_some(false)
}

fn in_order(mut events: Vec<Event>) -> Vec<String> {
    let time = |event: &Event| {
        let last = event.last_timestamp.as_ref().map(|time| time.0);
        last.or_else(|| event.event_time.as_ref().map(|time| time.0))
    };
    events.sort_by_key(time);
    let text = |event: Event| {
        let reason = event.reason.unwrap_or_default();
        event.message.map_or_else(|| reason.clone(), |message| format!("{reason}: {}", message.trim()))
    };
    events.into_iter().map(text).collect()
}

fn unread(error: &BackendError) -> String {
    format!("not everything could be read: {}", bluegreen_core::chain(error))
}

/// The sentences, the most likely cause first. Pure.
fn causes(observation: &ColorObservation, workload: &Workload, findings: &Findings) -> Vec<String> {
    let mut causes = Vec::new();
    let Some(deployment) = &workload.deployment else {
        return vec![format!("{} does not exist", observation.object)];
    };
    let spec = deployment.spec.as_ref();
    if spec.and_then(|spec| spec.paused) == Some(true) {
        causes.push(format!("{} is paused, so nothing that is asked of it is done", observation.object));
    }
    if observation.desired == 0 {
        causes.push(format!("{} is scaled to 0 replicas", observation.object));
    }
    causes.extend(from_obstacles(observation, findings));
    causes.extend(from_restarts(workload, findings));
    if causes.is_empty() && observation.ready < observation.desired {
        let (object, ready, desired) = (&observation.object, observation.ready, observation.desired);
        causes.push(format!("{ready} of {desired} replicas of {object} are ready, and nothing says why"));
    }
    causes.extend(findings.unread.iter().cloned());
    causes
}

/// One sentence for each different obstacle: ten replicas usually have the same.
fn from_obstacles(observation: &ColorObservation, findings: &Findings) -> Vec<String> {
    let mut groups: Vec<(&bluegreen_core::Obstacle, usize)> = Vec::new();
    let mut obstacles: Vec<_> = observation.obstacles.iter().collect();
    obstacles.sort_by_key(|obstacle| rank(obstacle.kind));
    for obstacle in obstacles {
        let told = |message: &str, object: &str| message.replace(object.trim_start_matches("Pod/"), "");
        let same = groups.iter_mut().find(|(first, _)| {
            first.kind == obstacle.kind
                && told(&first.message, &first.object) == told(&obstacle.message, &obstacle.object)
        });
        match same {
            Some((_, more)) => *more += 1,
            None => groups.push((obstacle, 0)),
        }
    }
    let sentence = |(obstacle, more): (&bluegreen_core::Obstacle, usize)| {
        let others = if more > 0 { format!(" (and {more} more like it)") } else { String::new() };
        let last = last_words(&obstacle.object, obstacle.kind, findings);
        format!("{}{others}: {}{}", obstacle.object, obstacle.message, last)
    };
    groups.into_iter().map(sentence).collect()
}

/// The more certainly it is the cause itself and not one of its effects, the earlier.
fn rank(kind: ObstacleKind) -> u8 {
    match kind {
        ObstacleKind::Refused => 0,
        ObstacleKind::Configuration => 1,
        ObstacleKind::ImagePull => 2,
        ObstacleKind::CrashLoop => 3,
        ObstacleKind::Unschedulable => 4,
        ObstacleKind::NotReady => 6,
        _ => 5,
    }
}

/// What the program wrote last, or what was reported of its pod.
fn last_words(object: &str, kind: ObstacleKind, findings: &Findings) -> String {
    let event = findings.events.get(object).and_then(|events| events.last()).map(|event| format!("; {event}"));
    let log = object.strip_prefix("Pod/").and_then(|pod| last_line(pod, findings));
    match kind {
        ObstacleKind::CrashLoop => log.or(event).unwrap_or_default(),
        ObstacleKind::NotReady => event.unwrap_or_default() + &log.unwrap_or_default(),
        _ => String::new(),
    }
}

fn last_line(pod: &str, findings: &Findings) -> Option<String> {
    let of_pod = findings.logs.iter().filter(|((name, _), _)| name == pod);
    let line = of_pod.filter_map(|(_, (_, log))| log.lines().rev().find(|line| !line.trim().is_empty())).next()?;
    Some(format!("; last log line: {}", line.trim()))
}

/// Containers that were restarted and are well now: no obstacle any more, but a reason to have failed a watch.
fn from_restarts(workload: &Workload, findings: &Findings) -> Vec<String> {
    let suspects = suspects(workload);
    let ready = suspects.iter().filter(|pod| is_ready(pod));
    ready
        .flat_map(|pod| {
            containers(pod).filter(|status| status.restart_count > 0).map(|status| {
                let restarts = u32::try_from(status.restart_count).unwrap_or_default();
                let (name, last) = (pod.name_any(), last_line(&pod.name_any(), findings).unwrap_or_default());
                format!("Pod/{name}: container {} {} {}{last}", status.name, last_end(status), times(restarts))
            })
        })
        .collect()
}

fn evidence(pods: &[&Pod], findings: &Findings) -> BTreeMap<String, String> {
    let logs = findings.logs.iter().map(|((pod, container), (previous, log))| {
        let run = if *previous { ", previous run" } else { "" };
        (format!("Pod/{pod} log of {container}{run}"), log.clone())
    });
    let events = findings.events.iter().map(|(object, events)| (format!("{object} events"), events.join("\n")));
    let states = pods.iter().map(|pod| (format!("Pod/{} conditions", pod.name_any()), pod_conditions(pod)));
    let entries = logs.chain(events).chain(states).filter(|(_, text)| !text.trim().is_empty());
    entries.take(ENTRIES).map(|(name, text)| (name, last_bytes(text))).collect()
}

fn pod_conditions(pod: &Pod) -> String {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let line = |condition: &k8s_openapi::api::core::v1::PodCondition| {
        let words = [&condition.reason, &condition.message].into_iter().flatten().map(String::as_str);
        format!("{}={} {}", condition.type_, condition.status, words.collect::<Vec<_>>().join(": "))
    };
    conditions.iter().map(|condition| line(condition).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// The end of a text, which is where the cause is.
fn last_bytes(text: String) -> String {
    let excess = text.len().saturating_sub(ENTRY_BYTES);
    let from = (excess..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    text.get(from..).map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{deployment, pod, ready_pod, replica_set, settings, waiting, workload};
    use super::*;
    use serde_json::json;

    fn told(pods: Vec<serde_json::Value>, findings: &Findings) -> Vec<String> {
        let wanted = i32::try_from(pods.len()).unwrap();
        let sets = vec![replica_set("new", "checkout:2", [wanted, wanted, 0])];
        let workload = workload(deployment("checkout:2", wanted), sets, pods);
        causes(&observe_from(&settings(), Color::Green, &workload, None), &workload, findings)
    }

    #[test]
    fn a_crash_is_told_with_the_last_words_of_the_program() {
        let crashed = json!({
            "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        });
        let mut findings = Findings::default();
        findings.logs.insert(("pod-1".into(), "app".into()), (true, "starting\nfatal: no database\n\n".into()));
        findings.events.insert("Pod/pod-2".into(), vec!["Unhealthy: Readiness probe failed: 500".into()]);
        findings.unread.push("not everything could be read: not allowed to list events".into());
        let pods = vec![
            pod("pod-2", "new", json!({"state": {"running": {}}})),
            pod("pod-1", "new", crashed.clone()),
            pod("pod-3", "new", crashed),
        ];
        assert_eq!(
            told(pods, &findings),
            [
                "Pod/pod-1 (and 1 more like it): container app exited with code 1 and was restarted 3 times; last log line: fatal: \
                 no database",
                "Pod/pod-2: containers with unready status: [app]; Unhealthy: Readiness probe failed: 500",
                "not everything could be read: not allowed to list events",
            ]
        );
    }

    #[test]
    fn causes_come_before_effects_and_silence_is_named() {
        let pods = vec![
            pod("a", "new", waiting("ContainerCreating", "")),
            pod("b", "new", waiting("CreateContainerConfigError", "secret \"db\" not found")),
        ];
        let causes = told(pods, &Findings::default());
        assert_eq!(causes[0], "Pod/b: container app: secret \"db\" not found");
        assert_eq!(
            told(vec![ready_pod("a", "other")], &Findings::default()),
            ["0 of 1 replicas of Deployment/checkout-green are ready, and nothing says why"]
        );
    }

    #[test]
    fn a_pod_that_crashed_and_is_ready_again_is_told_too() {
        let restarted = json!({
            "ready": true, "restartCount": 1, "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        });
        assert_eq!(
            told(vec![pod("a", "new", restarted)], &Findings::default()),
            ["Pod/a: container app exited with code 137 (OOMKilled) and was restarted once"]
        );
    }

    #[test]
    fn evidence_is_bounded_and_keeps_the_end() {
        let text = format!("{}é the end", "é".repeat(4000));
        let kept = last_bytes(text);
        assert!(kept.len() <= ENTRY_BYTES && kept.ends_with("the end"));
        let mut findings = Findings::default();
        for pod in 0..20 {
            findings.events.insert(format!("Pod/{pod}"), vec!["x".into()]);
        }
        assert_eq!(evidence(&[], &findings).len(), ENTRIES);
    }
}
