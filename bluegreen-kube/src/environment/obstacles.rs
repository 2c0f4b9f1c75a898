//! What keeps pods from becoming ready, and how long that may last.

use std::time::Duration;

use bluegreen_core::{Obstacle, ObstacleKind};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use super::conditions::{Condition, conditions, find, pod_condition};
use super::containers::{containers, ended_out_of_memory, ended_since, last_end, times};
use super::workload::{is_active, is_ready};

/// How long an obstacle may be there before a color counts as never becoming ready.
///
/// The times are counted from when the pod began to be unready, not from when the obstacle was first seen, so that an
/// obstacle that comes and goes doesn't start them again.
///
/// ```
/// # use std::time::Duration;
/// # use bluegreen_kube::ObstacleGraces;
/// let graces = ObstacleGraces { unschedulable: Duration::from_secs(300), ..ObstacleGraces::default() };
/// # assert_eq!(graces.crash_restarts, 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObstacleGraces {
    /// Pods can't be created: quota, admission, a missing service account. 15 s.
    pub refused: Duration,
    /// A missing ConfigMap or Secret, an invalid image name, an image that may not be fetched, a command that doesn't
    /// exist. 15 s, for configuration that is just being written.
    pub configuration: Duration,
    /// The registry doesn't give the image. 45 s, for registries that have a bad moment.
    pub image_pull: Duration,
    /// No node has room. 90 s, for autoscalers of nodes.
    pub unschedulable: Duration,
    /// After how many restarts a container that isn't ready counts as hopeless at once. 3. A container that ran out of
    /// memory twice is hopeless in any case.
    pub crash_restarts: u32,
}

impl Default for ObstacleGraces {
    fn default() -> Self {
        Self {
            refused: Duration::from_secs(15),
            configuration: Duration::from_secs(15),
            image_pull: Duration::from_secs(45),
            unschedulable: Duration::from_secs(90),
            crash_restarts: 3,
        }
    }
}

/// How often a container may run out of memory.
const OUT_OF_MEMORY_RESTARTS: u32 = 2;

/// What stands in the way of `pods`, which belong to `replica_set`, the one of the template that is asked for.
pub(super) fn obstacles(
    graces: &ObstacleGraces,
    deployment: &Deployment,
    replica_set: Option<&ReplicaSet>,
    pods: &[&Pod],
) -> Vec<Obstacle> {
    let mut found: Vec<Obstacle> = creation(graces, deployment, replica_set).into_iter().collect();
    found.extend(pods.iter().filter_map(|pod| of_pod(graces, pod)));
    found
}

/// Pods that don't exist show nothing; only the ReplicaSet knows why it couldn't make them.
fn creation(graces: &ObstacleGraces, deployment: &Deployment, replica_set: Option<&ReplicaSet>) -> Option<Obstacle> {
    let obstacle = |kind, object, condition: Condition, grace| Obstacle {
        kind,
        object,
        message: condition.message.unwrap_or_default(),
        since: condition.last_transition_time.unwrap_or(Timestamp::MAX),
        grace: Some(grace),
    };
    let (object, of_object) = replica_set.map_or_else(
        || (format!("Deployment/{}", deployment.name_any()), conditions(&deployment.status)),
        |set| (format!("ReplicaSet/{}", set.name_any()), conditions(&set.status)),
    );
    if let Some(failure) = find(of_object, "ReplicaFailure").filter(Condition::is_true) {
        return Some(obstacle(ObstacleKind::Refused, object, failure, graces.refused));
    }
    // The manifest's own deadline. It is about the spec that the controller has seen, which may be an older one.
    let status = deployment.status.as_ref()?;
    let current = status.observed_generation >= deployment.metadata.generation;
    let late = find(conditions(status), "Progressing")?;
    (current && !late.is_true() && late.reason.as_deref() == Some("ProgressDeadlineExceeded"))
        .then(|| obstacle(ObstacleKind::Other, format!("Deployment/{}", deployment.name_any()), late, Duration::ZERO))
}

fn of_pod(graces: &ObstacleGraces, pod: &Pod) -> Option<Obstacle> {
    // A pod that has ended is replaced; its replacement has its own obstacles.
    if is_ready(pod) || !is_active(pod) {
        return None;
    }
    let since = unready_since(pod);
    let (kind, message, grace) = unscheduled(graces, pod)
        .or_else(|| containers(pod).find_map(|container| of_container(graces, since, container)))
        .unwrap_or_else(|| (ObstacleKind::NotReady, not_ready_message(pod), None));
    Some(Obstacle { kind, object: format!("Pod/{}", pod.name_any()), message, since, grace })
}

type Found = (ObstacleKind, String, Option<Duration>);

fn unscheduled(graces: &ObstacleGraces, pod: &Pod) -> Option<Found> {
    let condition = pod_condition(pod, "PodScheduled").filter(|condition| condition.status == "False")?;
    let message = condition.message.clone().or_else(|| condition.reason.clone()).unwrap_or_default();
    Some((ObstacleKind::Unschedulable, message, Some(graces.unschedulable)))
}

fn of_container(graces: &ObstacleGraces, unready: Timestamp, status: &ContainerStatus) -> Option<Found> {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    let reason = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
    let message = |fallback: &str| {
        let said = waiting.and_then(|waiting| waiting.message.clone()).filter(|message| !message.is_empty());
        format!("container {}: {}", status.name, said.unwrap_or_else(|| fallback.to_owned()))
    };
    match reason {
        "ErrImagePull" | "ImagePullBackOff" => {
            Some((ObstacleKind::ImagePull, message(reason), Some(graces.image_pull)))
        }
        // Both say for sure that no registry will be asked again.
        "InvalidImageName" | "ErrImageNeverPull" => {
            Some((ObstacleKind::ImagePull, message(reason), Some(graces.configuration)))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some((ObstacleKind::Configuration, message(reason), Some(graces.configuration)))
        }
        _ => crash_loop(graces, unready, status, reason),
    }
}

/// A container that isn't ready because it ends again and again. It may be running right now.
fn crash_loop(graces: &ObstacleGraces, unready: Timestamp, status: &ContainerStatus, reason: &str) -> Option<Found> {
    let backing_off = reason == "CrashLoopBackOff";
    let restarts = u32::try_from(status.restart_count).unwrap_or_default();
    let out_of_memory = ended_out_of_memory(status) && restarts >= OUT_OF_MEMORY_RESTARTS;
    let often = restarts >= graces.crash_restarts || out_of_memory;
    let hopeless = often && !status.ready && (backing_off || ended_since(unready, status));
    if !backing_off && !hopeless {
        return None;
    }
    let message = format!("container {} {} {}", status.name, last_end(status), times(restarts));
    Some((ObstacleKind::CrashLoop, message, hopeless.then_some(Duration::ZERO)))
}

fn not_ready_message(pod: &Pod) -> String {
    let waiting = containers(pod).find_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        Some(format!("container {}: {}", status.name, waiting.reason.as_deref().unwrap_or("waiting")))
    });
    let condition = |kind| pod_condition(pod, kind).and_then(|condition| condition.message.clone());
    waiting
        .or_else(|| condition("ContainersReady"))
        .or_else(|| condition("Ready")) // readiness gates: all containers are ready, the pod isn't
        .unwrap_or_else(|| "not started yet".to_owned())
}

/// When the pod began to be unready. What is wrong with it changes its name again and again (a failed pull and the pause
/// after it), and those changes must not make it look young.
fn unready_since(pod: &Pod) -> Timestamp {
    let since = |kind| {
        let condition = pod_condition(pod, kind).filter(|condition| condition.status == "False")?;
        condition.last_transition_time.as_ref().map(|time| time.0)
    };
    since("PodScheduled")
        .or_else(|| since("ContainersReady"))
        .or_else(|| since("Ready"))
        .or_else(|| pod.status.as_ref()?.start_time.as_ref().map(|time| time.0))
        .or_else(|| pod.metadata.creation_timestamp.as_ref().map(|time| time.0))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{deployment, merge, pod, ready_pod, replica_set, waiting};
    use super::*;
    use serde_json::{Value, json};

    fn found(value: Value) -> Option<(ObstacleKind, Option<u64>, String)> {
        let pod: Pod = serde_json::from_value(value).unwrap();
        let obstacle = of_pod(&ObstacleGraces::default(), &pod)?;
        assert_eq!(obstacle.object, "Pod/a");
        Some((obstacle.kind, obstacle.grace.map(|grace| grace.as_secs()), obstacle.message))
    }

    fn ended(code: i32, reason: &str) -> Value {
        json!({"exitCode": code, "reason": reason, "finishedAt": "2026-11-22T04:01:00Z"})
    }

    #[test]
    fn each_state_of_a_container_is_its_kind_of_obstacle() {
        use ObstacleKind::{Configuration, CrashLoop, ImagePull, NotReady};
        let crashed = |restarts, last: Value, state: Value| json!({"restartCount": restarts, "lastState": {"terminated": last}, "state": state});
        let running = || json!({"running": {}});
        let backing_off = || json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}});
        let long_ago = || json!({"exitCode": 1, "finishedAt": "2026-11-20T04:01:00Z"});
        for (state, kind, grace, message) in [
            (waiting("ErrImagePull", "no such host"), ImagePull, Some(45), "container app: no such host"),
            (waiting("ImagePullBackOff", ""), ImagePull, Some(45), "container app: ImagePullBackOff"),
            (waiting("InvalidImageName", "bad"), ImagePull, Some(15), "container app: bad"),
            (waiting("ErrImageNeverPull", "absent"), ImagePull, Some(15), "container app: absent"),
            (waiting("CreateContainerConfigError", "no secret"), Configuration, Some(15), "container app: no secret"),
            (waiting("CreateContainerError", "x"), Configuration, Some(15), "container app: x"),
            (waiting("RunContainerError", "x"), Configuration, Some(15), "container app: x"),
            (waiting("ContainerCreating", ""), NotReady, None, "container app: ContainerCreating"),
            (running(), NotReady, None, "containers with unready status: [app]"),
            (
                crashed(1, ended(1, "Error"), backing_off()),
                CrashLoop,
                None,
                "container app exited with code 1 and was restarted once",
            ),
            (
                crashed(3, ended(2, "Error"), backing_off()),
                CrashLoop,
                Some(0),
                "container app exited with code 2 and was restarted 3 times",
            ),
            // Just started again, which doesn't make it any better.
            (
                crashed(3, ended(2, "Error"), running()),
                CrashLoop,
                Some(0),
                "container app exited with code 2 and was restarted 3 times",
            ),
            (
                crashed(2, ended(137, "OOMKilled"), backing_off()),
                CrashLoop,
                Some(0),
                "container app exited with code 137 (OOMKilled) and was restarted 2 times",
            ),
            (crashed(2, ended(1, "Error"), running()), NotReady, None, "containers with unready status: [app]"),
            (crashed(9, long_ago(), running()), NotReady, None, "containers with unready status: [app]"),
        ] {
            let value = pod("a", "new", state.clone());
            assert_eq!(found(value), Some((kind, grace, message.to_owned())), "{state}");
        }
    }

    #[test]
    fn pods_that_are_ready_leaving_or_over_are_no_obstacle() {
        let leaving = json!({"metadata": {"deletionTimestamp": "2026-11-22T04:05:06Z"}});
        let changes = [json!({}), leaving, json!({"status": {"phase": "Failed", "reason": "Evicted"}})];
        for (change, begin) in
            changes.into_iter().zip([ready_pod("a", "new"), pod("a", "new", json!({})), pod("a", "new", json!({}))])
        {
            let mut value = begin;
            merge(&mut value, change);
            assert_eq!(found(value), None);
        }
    }

    #[test]
    fn an_unschedulable_pod_has_waited_since_the_scheduler_gave_up() {
        let mut value = pod("a", "new", json!({}));
        value["status"]["conditions"][0] = json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available",
            "lastTransitionTime": "2026-11-22T03:59:30Z",
        });
        let pod: Pod = serde_json::from_value(value).unwrap();
        let obstacle = of_pod(&ObstacleGraces::default(), &pod).unwrap();
        assert_eq!(
            (obstacle.kind, obstacle.message.as_str()),
            (ObstacleKind::Unschedulable, "0/1 nodes are available")
        );
        assert_eq!(obstacle.hopeless_at(), Some("2026-11-22T04:01:00Z".parse().unwrap()));
    }

    #[test]
    fn a_failed_pull_and_the_pause_after_it_began_at_the_same_time() {
        let since = |reason| {
            let pod: Pod = serde_json::from_value(pod("a", "new", waiting(reason, "x"))).unwrap();
            of_pod(&ObstacleGraces::default(), &pod).unwrap().since
        };
        assert_eq!(since("ErrImagePull"), since("ImagePullBackOff"));
        assert_eq!(since("ErrImagePull"), "2026-11-22T04:00:00Z".parse().unwrap());
    }

    #[test]
    fn pods_that_were_never_made_are_explained_by_the_replica_set() {
        let condition = json!([{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: none",
            "lastTransitionTime": "2026-11-22T04:00:00Z",
        }]);
        let deployment: Deployment = serde_json::from_value(deployment("checkout:2", 1)).unwrap();
        let mut set = replica_set("new", "checkout:2", [1, 0, 0]);
        set["status"]["conditions"] = condition;
        let set: ReplicaSet = serde_json::from_value(set).unwrap();
        let obstacles = obstacles(&ObstacleGraces::default(), &deployment, Some(&set), &[]);
        let texts: Vec<_> = obstacles.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["ReplicaSet/checkout-green-new: Refused: exceeded quota: none"]);
        assert_eq!(obstacles[0].hopeless_at(), Some("2026-11-22T04:00:15Z".parse().unwrap()));
    }

    #[test]
    fn the_manifests_own_deadline_counts_once_the_controller_has_seen_it() {
        for (observed, count) in [(2, 0), (3, 1)] {
            let mut value = deployment("checkout:2", 1);
            value["status"] = json!({"observedGeneration": observed, "conditions": [{
                "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late",
            }]});
            let deployment: Deployment = serde_json::from_value(value).unwrap();
            assert_eq!(obstacles(&ObstacleGraces::default(), &deployment, None, &[]).len(), count);
        }
    }
}
