//! Which ReplicaSet and which pods a Deployment means.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Container, Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::conditions::pod_condition;
use super::containers::containers;

/// The label by which the Deployment controller tells its ReplicaSets apart.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The parts of a color as they were read.
#[derive(Debug, Clone, Default)]
pub(super) struct Workload {
    pub(super) deployment: Option<Arc<Deployment>>,
    /// All that may belong to it; owners are looked at here.
    pub(super) replica_sets: Vec<Arc<ReplicaSet>>,
    /// As above.
    pub(super) pods: Vec<Arc<Pod>>,
}

impl Workload {
    /// The ReplicaSets of the Deployment.
    pub(super) fn owned_sets(&self) -> impl Iterator<Item = &ReplicaSet> {
        let uid = self.deployment.as_ref().and_then(|deployment| deployment.metadata.uid.as_deref());
        self.replica_sets.iter().map(Arc::as_ref).filter(move |set| is_controlled_by(&set.metadata, uid))
    }

    /// The ReplicaSet of the pod template that the Deployment asks for now, if the controller has made it.
    ///
    /// Found by comparing templates, as the controller does: the revision annotation still names the previous one for a
    /// moment after a write.
    pub(super) fn current_set(&self) -> Option<&ReplicaSet> {
        let wanted = &self.deployment.as_ref()?.spec.as_ref()?.template;
        self.owned_sets()
            .filter(|set| {
                let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
                template.is_some_and(|template| same_template(template, wanted))
            })
            .min_by_key(|set| set.metadata.creation_timestamp.as_ref().map(|time| time.0))
    }

    /// The pods of [`current_set`](Self::current_set).
    pub(super) fn current_pods(&self) -> Vec<&Pod> {
        self.current_set().map(|set| self.pods_of(set).collect()).unwrap_or_default()
    }

    fn pods_of(&self, set: &ReplicaSet) -> impl Iterator<Item = &Pod> {
        let uid = set.metadata.uid.clone();
        self.pods.iter().map(Arc::as_ref).filter(move |pod| is_controlled_by(&pod.metadata, uid.as_deref()))
    }

    /// Whether the controllers have acted on the Deployment as it is now: the ReplicaSet of its template has the size
    /// that is asked for, all of it available; no other has any; and the pods bear that out.
    ///
    /// The Deployment's own status isn't enough for that, and its generation is too much: every annotation raises it,
    /// our stamps too, so each seal would make a color that serves look unsettled for a moment. The pods are counted
    /// because they are read, or watched, apart from the ReplicaSets, and may still be as they were before.
    pub(super) fn is_settled(&self) -> bool {
        let Some(spec) = self.deployment.as_ref().and_then(|deployment| deployment.spec.as_ref()) else {
            return true;
        };
        let desired = spec.replicas.unwrap_or(1);
        let pace = spec.min_ready_seconds.unwrap_or(0);
        let current = self.current_set();
        let as_wanted = |set: &ReplicaSet| {
            let is_current = current.is_some_and(|current| current.metadata.uid == set.metadata.uid);
            let wanted = if is_current { desired } else { 0 };
            let set_pace = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
            let sized = sizes(set)
                .is_some_and(|sizes| sizes.asked == wanted && sizes.there == wanted && sizes.available >= wanted);
            let pods = self.pods_of(set).filter(|pod| is_active(pod)).count();
            sized && usize::try_from(wanted) == Ok(pods) && (!is_current || set_pace == pace)
        };
        let is_there = current.is_some() || desired == 0;
        !spec.paused.unwrap_or(false) && is_there && self.owned_sets().all(as_wanted)
    }
}

/// The sizes of a ReplicaSet whose status is about its present spec.
fn sizes(set: &ReplicaSet) -> Option<Sizes> {
    let status = set.status.as_ref()?;
    (status.observed_generation >= set.metadata.generation).then(|| Sizes {
        asked: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        there: status.replicas,
        available: status.available_replicas.unwrap_or(0),
    })
}

struct Sizes {
    asked: i32,
    there: i32,
    available: i32,
}

/// Whether two templates make the same pods, the hash that the controller adds aside.
fn same_template(of_set: &PodTemplateSpec, wanted: &PodTemplateSpec) -> bool {
    let mut of_set = of_set.clone();
    if let Some(labels) = of_set.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
        labels.remove(TEMPLATE_HASH);
    }
    of_set == *wanted
}

fn is_controlled_by(metadata: &ObjectMeta, uid: Option<&str>) -> bool {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    uid.is_some_and(|uid| owners.iter().any(|owner| owner.controller == Some(true) && owner.uid == uid))
}

pub(super) fn is_ready(pod: &Pod) -> bool {
    pod_condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

pub(super) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether a pod can hold connections: it has an address, and hasn't ended.
pub(super) fn is_running(pod: &Pod) -> bool {
    is_active(pod) && pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some())
}

/// Whether the controllers count a pod: those that have ended or are leaving stay to be looked at.
pub(super) fn is_active(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !is_terminating(pod) && !matches!(phase, Some("Failed" | "Succeeded"))
}

/// Restarts of the containers that are meant to run all the time, sidecars included.
pub(super) fn restarts(pod: &Pod) -> u32 {
    let init = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let runs_once = |name: &str| {
        init.iter().any(|container| container.name == name && container.restart_policy.as_deref() != Some("Always"))
    };
    containers(pod)
        .filter(|status| !runs_once(&status.name))
        .map(|status| u32::try_from(status.restart_count).unwrap_or_default())
        .sum()
}

/// The containers of a Deployment's pods.
pub(super) fn template_containers(deployment: &Deployment) -> &[Container] {
    let spec = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    spec.map(|spec| spec.containers.as_slice()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{deployment, merge, pod, ready_pod, replica_set, workload};
    use super::*;
    use kube::ResourceExt;
    use serde_json::{Value, json};

    /// As many ready pods of a ReplicaSet.
    fn pods(set: &str, count: usize) -> Vec<Value> {
        (0..count).map(|number| ready_pod(&format!("{set}-{number}"), set)).collect()
    }

    #[test]
    fn a_color_is_settled_when_only_the_wanted_pods_are_there_and_available() {
        let new = |sizes| replica_set("new", "checkout:2", sizes);
        let old = |sizes| replica_set("old", "checkout:1", sizes);
        let both = |new, old| [pods("new", new), pods("old", old)].concat();
        for (what, wanted, sets, pods, settled) in [
            ("all is there", 3, vec![new([3, 3, 3]), old([0, 0, 0])], both(3, 0), true),
            ("one isn't available", 3, vec![new([3, 3, 2])], both(3, 0), false),
            ("one too many is left", 3, vec![new([3, 4, 4])], both(4, 0), false),
            ("the ReplicaSet hasn't its size yet", 3, vec![new([2, 2, 2])], both(2, 0), false),
            ("an old pod is left", 3, vec![new([3, 3, 3]), old([0, 1, 1])], both(3, 1), false),
            ("the controller hasn't seen the new template", 3, vec![old([3, 3, 3])], both(0, 3), false),
            ("nothing was made yet", 3, vec![], both(0, 0), false),
            ("all is gone", 0, vec![new([0, 0, 0]), old([0, 0, 0])], both(0, 0), true),
            ("the last one is going", 0, vec![new([0, 1, 0])], both(1, 0), false),
            ("the last one was still seen", 0, vec![new([0, 0, 0])], both(1, 0), false),
            ("the last one wasn't seen yet", 3, vec![new([3, 3, 3])], both(2, 0), false),
            ("an old pod was still seen", 3, vec![new([3, 3, 3]), old([0, 0, 0])], both(3, 1), false),
            ("nothing was ever there", 0, vec![], both(0, 0), true),
        ] {
            assert_eq!(workload(deployment("checkout:2", wanted), sets, pods).is_settled(), settled, "{what}");
        }
    }

    #[test]
    fn a_paused_or_slower_deployment_and_an_old_status_are_not_settled() {
        let set = || replica_set("new", "checkout:2", [3, 3, 3]);
        let settled = |changed, set| workload(changed, vec![set], pods("new", 3)).is_settled();
        assert!(settled(deployment("checkout:2", 3), set()));
        for change in [json!({"spec": {"paused": true}}), json!({"spec": {"minReadySeconds": 30}})] {
            let mut changed = deployment("checkout:2", 3);
            merge(&mut changed, change);
            assert!(!settled(changed, set()));
        }
        let mut old_status = set();
        merge(&mut old_status, json!({"metadata": {"generation": 3}}));
        assert!(!settled(deployment("checkout:2", 3), old_status));
    }

    #[test]
    fn pods_that_are_leaving_or_have_ended_are_not_counted() {
        let changes = [
            json!({"metadata": {"deletionTimestamp": "2026-11-22T04:05:06Z"}}),
            json!({"status": {"phase": "Failed"}}),
        ];
        for change in changes {
            let mut gone = ready_pod("gone", "new");
            merge(&mut gone, change);
            let pods = [pods("new", 1), vec![gone]].concat();
            let sets = vec![replica_set("new", "checkout:2", [1, 1, 1])];
            assert!(workload(deployment("checkout:2", 1), sets, pods).is_settled());
        }
    }

    #[test]
    fn pods_of_another_template_or_owner_are_not_counted() {
        let mut foreign = replica_set("foreign", "checkout:2", [1, 1, 1]);
        merge(&mut foreign, json!({"metadata": {"ownerReferences": null}}));
        let sets =
            vec![foreign, replica_set("old", "checkout:1", [1, 1, 1]), replica_set("new", "checkout:2", [1, 1, 1])];
        let pods = vec![ready_pod("a", "old"), ready_pod("b", "new"), ready_pod("c", "foreign")];
        let workload = workload(deployment("checkout:2", 1), sets, pods);
        let names: Vec<_> = workload.current_pods().iter().map(|pod| pod.name_any()).collect();
        assert_eq!(names, ["b"]);
    }

    #[test]
    fn restarts_are_those_of_containers_that_run_all_the_time() {
        let mut value = pod("a", "new", json!({"restartCount": 2}));
        let status =
            |name, count| json!({"name": name, "ready": true, "restartCount": count, "image": "", "imageID": ""});
        merge(
            &mut value,
            json!({
                "spec": {"initContainers": [{"name": "once"}, {"name": "sidecar", "restartPolicy": "Always"}]},
                "status": {"initContainerStatuses": [status("once", 5), status("sidecar", 1)]},
            }),
        );
        let pod: Pod = serde_json::from_value(value).unwrap();
        assert_eq!(restarts(&pod), 3);
    }
}
