//! The one node: it takes every Pod, and lets it behave as it was asked to.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::meta;
use super::super::objects::Objects;
use super::super::time;
use super::behaviors::Behaviors;
use super::conditions::{self, Condition};
use super::life::{self, Doing, Moment};
use super::owned::has_ended;
use super::round::Round;
use crate::world::Behavior;

const NAME: &str = "node-1";
const ADDRESS: &str = "10.240.0.2";

/// How long a Pod that was asked to end goes on, if it is given that long.
const ENDING: Duration = Duration::from_secs(1);

/// A Pod on the node.
#[derive(Debug)]
struct Run {
    address: String,
    behavior: Behavior,
    /// When it was started, or was last told to behave differently.
    since: Timestamp,
    /// Restarts before that.
    restarts: u32,
    /// When it was asked to end.
    ending: Option<Timestamp>,
}

impl Run {
    /// Behaves like this from `now` on: as if it had become ready now, or, if it wasn't, had started now.
    fn behave(&mut self, behavior: Behavior, moment: Moment, now: Timestamp) {
        let started = match moment.doing {
            Doing::Running { ready: true, .. } => life::start_time(behavior),
            _ => Duration::ZERO,
        };
        self.restarts += moment.restarts;
        self.since = now.saturating_sub(started).unwrap_or(Timestamp::MIN);
        self.behavior = behavior;
    }
}

/// What runs on the node.
#[derive(Debug)]
pub(super) struct Node {
    objects: Objects,
    /// By uid.
    runs: BTreeMap<String, Run>,
    addresses: u32,
}

impl Node {
    pub(super) const fn new(objects: Objects) -> Self {
        Self { objects, runs: BTreeMap::new(), addresses: 0 }
    }

    /// Brings the status of every Pod up to date.
    pub(super) fn run(&mut self, round: &mut Round, behaviors: &Behaviors) {
        let pods = round.objects.list("Pod", "");
        self.runs.retain(|uid, _| pods.iter().any(|pod| meta::uid(pod) == uid));
        for pod in &pods {
            if meta::text(pod, "/spec/nodeName").is_empty() {
                if meta::text(pod, "/spec/schedulerName") == "default-scheduler" && !meta::is_deleting(pod) {
                    // It may have been deleted since it was listed; then there is nothing to bind.
                    let _ = self.objects.bind(meta::text(pod, "/metadata/namespace"), meta::name(pod), NAME);
                }
            } else {
                self.run_pod(round, behaviors, pod);
            }
        }
    }

    fn run_pod(&mut self, round: &mut Round, behaviors: &Behaviors, pod: &Value) {
        let (namespace, name) = (meta::text(pod, "/metadata/namespace"), meta::name(pod));
        let behavior = behaviors.of(pod);
        let now = round.now;
        if has_ended(pod) {
            if meta::is_deleting(pod) {
                // Finalizers may still hold it back.
                let _ = self.objects.remove("Pod", namespace, name);
            }
            return;
        }
        let run = self.take_in(pod, behavior, now);
        let restarted = meta::text(pod, "/spec/restartPolicy") == "Always";
        let moment = life::at(run.behavior, restarted, elapsed(run.since, now));
        if run.behavior != behavior {
            run.behave(behavior, moment, now);
            return self.run_pod(round, behaviors, pod);
        }
        if let Some(next) = moment.next {
            round.look_again_at(run.since.saturating_add(next).unwrap_or(Timestamp::MAX));
        }
        if meta::is_deleting(pod) {
            let grace = Duration::from_secs(
                pod.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_u64).unwrap_or_default(),
            );
            let asked = *run.ending.get_or_insert(now);
            let gone = asked.saturating_add(grace.min(ENDING)).unwrap_or(Timestamp::MAX);
            if now >= gone {
                return self.end(round, pod);
            }
            round.look_again_at(gone);
        }
        let status = Status { pod, run, moment, now };
        let restarts = meta::list(pod, "/status/containerStatuses")
            .first()
            .map_or(0, |container| container["restartCount"].as_u64().unwrap_or_default());
        let new = status.render(run.restarts + moment.restarts);
        if u64::from(run.restarts + moment.restarts) > restarts {
            for container in meta::list(pod, "/spec/containers") {
                self.objects.restart_log(namespace, name, meta::name_of(container));
            }
        }
        // It may have been removed in the meantime.
        let _ = self.objects.update_status("Pod", namespace, name, |pod| pod["status"] = new);
    }

    fn take_in(&mut self, pod: &Value, behavior: Behavior, now: Timestamp) -> &mut Run {
        let addresses = &mut self.addresses;
        self.runs.entry(meta::uid(pod).to_owned()).or_insert_with(|| {
            *addresses += 1;
            let address = format!("10.244.{}.{}", *addresses / 250, *addresses % 250 + 2);
            Run { address, behavior, since: now, restarts: 0, ending: None }
        })
    }

    /// All containers have ended as they were asked to.
    fn end(&self, round: &Round, pod: &Value) {
        let (namespace, name) = (meta::text(pod, "/metadata/namespace"), meta::name(pod));
        let mut ended = pod.clone();
        ended["status"]["phase"] = json!("Succeeded");
        set_readiness(&mut ended, "PodCompleted", "", &round.now_text());
        // Both fail only if it is gone already.
        let _ = self.objects.update_status("Pod", namespace, name, |pod| pod["status"] = ended["status"].take());
        let _ = self.objects.remove("Pod", namespace, name);
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// A status that is being made.
struct Status<'a> {
    pod: &'a Value,
    run: &'a Run,
    moment: Moment,
    now: Timestamp,
}

impl Status<'_> {
    fn render(&self, restarts: u32) -> Value {
        let mut pod = self.pod.clone();
        let generation = pod["metadata"]["generation"].clone();
        let address = &self.run.address;
        let status = meta::fields(meta::field(&mut pod, "status"));
        let phase = match self.moment.doing {
            Doing::Pulling | Doing::PullPause(_) => "Pending",
            Doing::Running { .. } | Doing::RestartPause(_) => "Running",
            Doing::Ended { well: true, .. } => "Succeeded",
            Doing::Ended { well: false, .. } => "Failed",
        };
        let containers = meta::list(self.pod, "/spec/containers").iter();
        let containers: Vec<Value> = containers.map(|container| self.container(container, restarts)).collect();
        for (name, value) in [
            ("phase", json!(phase)),
            ("observedGeneration", generation),
            ("hostIP", json!(ADDRESS)),
            ("hostIPs", json!([{"ip": ADDRESS}])),
            ("podIP", json!(address)),
            ("podIPs", json!([{"ip": address}])),
            ("containerStatuses", json!(containers)),
        ] {
            status.insert(name.to_owned(), value);
        }
        status.entry("startTime").or_insert_with(|| json!(time::text(self.now)));
        self.set_conditions(&mut pod);
        pod["status"].take()
    }

    fn set_conditions(&self, pod: &mut Value) {
        let now = time::text(self.now);
        let yes = |kind| Condition { kind, status: "True", reason: "", message: "" };
        for kind in ["PodReadyToStartContainers", "Initialized", "PodScheduled"] {
            conditions::set(pod, yes(kind), &now, None);
        }
        let names: Vec<_> = meta::list(pod, "/spec/containers").iter().map(meta::name_of).collect();
        let unready = format!("containers with unready status: [{}]", names.join(" "));
        match self.moment.doing {
            Doing::Running { ready: true, .. } => {
                for kind in ["Ready", "ContainersReady"] {
                    conditions::set(pod, yes(kind), &now, None);
                }
            }
            Doing::Ended { well: true, .. } => set_readiness(pod, "PodCompleted", "", &now),
            Doing::Ended { well: false, .. } => set_readiness(pod, "PodFailed", "", &now),
            _ => set_readiness(pod, "ContainersNotReady", &unready, &now),
        }
    }

    fn container(&self, container: &Value, restarts: u32) -> Value {
        let image = meta::text(container, "/image");
        let running = matches!(self.moment.doing, Doing::Running { .. });
        let ready = matches!(self.moment.doing, Doing::Running { ready: true, .. });
        let last = self.moment.last_run.map_or_else(|| json!({}), |(from, to)| self.terminated(from, to, false));
        json!({
            "name": meta::name_of(container), "image": image, "imageID": "", "ready": ready, "started": running,
            "restartCount": restarts, "state": self.state(container), "lastState": last,
        })
    }

    fn state(&self, container: &Value) -> Value {
        let waiting = |reason: &str, message: String| json!({"waiting": {"reason": reason, "message": message}});
        let image = meta::text(container, "/image");
        match self.moment.doing {
            Doing::Pulling | Doing::PullPause(_) if container["imagePullPolicy"] == "Never" => waiting(
                "ErrImageNeverPull",
                format!("Container image \"{image}\" is not present with pull policy of Never"),
            ),
            Doing::Pulling => waiting("ErrImagePull", format!("failed to pull image \"{image}\": {image}: not found")),
            Doing::PullPause(_) => waiting(
                "ImagePullBackOff",
                format!("Back-off pulling image \"{image}\": ErrImagePull: {image}: not found"),
            ),
            Doing::Running { since, .. } => json!({"running": {"startedAt": self.time(since)}}),
            Doing::RestartPause(pause) => waiting("CrashLoopBackOff", self.back_off(container, pause)),
            Doing::Ended { since, at, well } => self.terminated(since, at, well),
        }
    }

    fn back_off(&self, container: &Value, pause: Duration) -> String {
        let (container, pod) = (meta::name_of(container), meta::name(self.pod));
        let (namespace, uid) = (meta::text(self.pod, "/metadata/namespace"), meta::uid(self.pod));
        let seconds = pause.as_secs();
        let pause = match seconds / 60 {
            0 => format!("{seconds}s"),
            minutes => format!("{minutes}m{}s", seconds % 60),
        };
        format!("back-off {pause} restarting failed container={container} pod={pod}_{namespace}({uid})")
    }

    fn terminated(&self, from: Duration, to: Duration, well: bool) -> Value {
        let (code, reason) = if well { (0, "Completed") } else { (1, "Error") };
        json!({"terminated": {
            "exitCode": code, "reason": reason, "startedAt": self.time(from), "finishedAt": self.time(to),
        }})
    }

    fn time(&self, offset: Duration) -> String {
        time::text(self.run.since.saturating_add(offset).unwrap_or(Timestamp::MAX))
    }
}

fn set_readiness(pod: &mut Value, reason: &str, message: &str, now: &str) {
    for kind in ["Ready", "ContainersReady"] {
        conditions::set(pod, Condition { kind, status: "False", reason, message }, now, None);
    }
}
