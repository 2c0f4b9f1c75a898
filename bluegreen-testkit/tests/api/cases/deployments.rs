//! Deployments over time: ReplicaSets, pods and status.

use serde_json::{Value, json};

use crate::answer::{condition, condition_text, name, names, uid};
use crate::manifests::deployment;
use crate::place::Place;

super::cases![
    a_deployment_makes_a_replica_set,
    a_replica_set_makes_pods,
    a_ready_deployment_says_so,
    a_status_is_about_a_generation,
    a_new_template_rolls_to_a_new_replica_set,
    the_old_template_again_rolls_back_to_its_replica_set,
    a_deployment_is_scaled_down_and_up,
    a_lost_pod_is_replaced,
    pods_that_never_get_ready_leave_the_old_ones_alone,
    a_deployment_that_makes_no_progress_says_so,
    a_paused_deployment_does_not_roll,
    a_deployment_that_recreates_ends_the_old_pods_first,
    pods_count_as_available_after_a_while,
    an_exhausted_quota_fails_the_replica_set,
    everything_goes_with_the_deployment,
    pods_go_with_a_replica_set_that_shrinks,
];

/// Whether all of `count` pods are there, updated and available, and no others.
fn is_complete(web: &Value, count: u64) -> bool {
    let status = &web["status"];
    let counter = |name: &str| status[name].as_u64().unwrap_or_default();
    let counters = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"].map(counter);
    status["observedGeneration"] == web["metadata"]["generation"] && counters == [count; 4]
}

async fn complete(place: &Place, count: u64) -> Value {
    place.until_one("deployments/web", "complete", |web| is_complete(web, count)).await
}

/// The ReplicaSets that ask for pods.
fn active(sets: &[Value]) -> Vec<&Value> {
    sets.iter().filter(|set| set["spec"]["replicas"] != 0).collect()
}

fn is_there(items: &[Value]) -> bool {
    !items.is_empty()
}

async fn replica_set(place: &Place) -> Value {
    place.until("replicasets", "there", is_there).await.remove(0)
}

async fn a_deployment_makes_a_replica_set(place: &Place) {
    let web = place.create("deployments", &deployment(2)).await.ok();
    let set = replica_set(place).await;
    let hash = set["metadata"]["labels"]["pod-template-hash"].as_str().unwrap().to_owned();
    assert_eq!(name(&set), format!("web-{hash}"));
    assert_eq!(set["metadata"]["labels"], json!({"app": "web", "pod-template-hash": hash}));
    assert_eq!(
        set["metadata"]["ownerReferences"],
        json!([{
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": uid(&web), "controller": true,
            "blockOwnerDeletion": true,
        }])
    );
    assert_eq!(
        set["metadata"]["annotations"],
        json!({
            "deployment.kubernetes.io/desired-replicas": "2", "deployment.kubernetes.io/max-replicas": "3",
            "deployment.kubernetes.io/revision": "1",
        })
    );
    assert_eq!(set["spec"]["replicas"], 2);
    assert_eq!(set["spec"]["selector"], json!({"matchLabels": {"app": "web", "pod-template-hash": hash}}));
    let mut template = web["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    assert_eq!(set["spec"]["template"], template);
    let numbered = |web: &Value| web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1";
    let web = place.until_one("deployments/web", "numbered", numbered).await;
    assert_eq!(web["metadata"]["generation"], 1, "the controller's annotation doesn't count");
}

async fn a_replica_set_makes_pods(place: &Place) {
    place.create("deployments", &deployment(2)).await.ok();
    complete(place, 2).await;
    let (set, pods) = (replica_set(place).await, place.get("pods?labelSelector=app=web").await.ok());
    assert_eq!(names(&pods).len(), 2);
    for pod in pods["items"].as_array().unwrap() {
        let metadata = &pod["metadata"];
        assert!(name(pod).starts_with(&format!("{}-", name(&set))), "{}", name(pod));
        assert_eq!(metadata["generateName"], json!(format!("{}-", name(&set))));
        assert_eq!(metadata["labels"], set["spec"]["template"]["metadata"]["labels"]);
        let owner = &metadata["ownerReferences"][0];
        assert_eq!(
            (&owner["kind"], &owner["uid"], &owner["controller"]),
            (&json!("ReplicaSet"), &json!(uid(&set)), &json!(true))
        );
        assert_eq!(
            (&pod["spec"]["containers"][0]["name"], &pod["status"]["phase"]),
            (&json!("app"), &json!("Running"))
        );
    }
    let status = json!({
        "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1,
        "terminatingReplicas": 0,
    });
    assert_eq!(set["status"], status);
}

async fn a_ready_deployment_says_so(place: &Place) {
    place.create("deployments", &deployment(2)).await.ok();
    let web = complete(place, 2).await;
    let set = replica_set(place).await;
    let mut status = web["status"].clone();
    for condition in status["conditions"].as_array_mut().unwrap() {
        let condition = condition.as_object_mut().unwrap();
        assert!(condition.remove("lastUpdateTime").is_some() && condition.remove("lastTransitionTime").is_some());
    }
    let progressed = format!("ReplicaSet \"{}\" has successfully progressed.", name(&set));
    assert_eq!(
        status,
        json!({
            "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "terminatingReplicas": 0,
            "conditions": [
                {
                    "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                    "message": "Deployment has minimum availability.",
                },
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": progressed},
            ],
        })
    );
}

async fn a_status_is_about_a_generation(place: &Place) {
    place.create("deployments", &deployment(1)).await.ok();
    complete(place, 1).await;
    let annotated = place.merge("deployments/web", &json!({"metadata": {"annotations": {"a": "b"}}})).await.ok();
    assert_eq!(
        (&annotated["metadata"]["generation"], &annotated["status"]["observedGeneration"]),
        (&json!(2), &json!(1))
    );
    let web = complete(place, 1).await;
    assert_eq!(web["status"]["observedGeneration"], 2);
}

async fn a_new_template_rolls_to_a_new_replica_set(place: &Place) {
    place.create("deployments", &deployment(2)).await.ok();
    complete(place, 2).await;
    let old = replica_set(place).await;
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}});
    place.merge("deployments/web", &patch).await.ok();
    let web = complete(place, 2).await;
    let only_new =
        |sets: &[Value]| sets.len() == 2 && active(sets).len() == 1 && active(sets)[0]["status"]["readyReplicas"] == 2;
    let sets = place.until("replicasets", "rolled", only_new).await;
    let new = active(&sets)[0];
    assert_ne!(uid(new), uid(&old));
    assert_eq!(new["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    let hash = new["metadata"]["labels"]["pod-template-hash"].as_str().unwrap();
    assert_ne!(old["metadata"]["labels"]["pod-template-hash"], hash);
    let gone = |pods: &[Value]| {
        pods.len() == 2 && pods.iter().all(|pod| pod["metadata"]["labels"]["pod-template-hash"] == hash)
    };
    place.until("pods", "all new", gone).await;
}

async fn the_old_template_again_rolls_back_to_its_replica_set(place: &Place) {
    place.create("deployments", &deployment(1)).await.ok();
    complete(place, 1).await;
    let old = replica_set(place).await;
    let annotations = |value: Value| json!({"spec": {"template": {"metadata": {"annotations": value}}}});
    place.merge("deployments/web", &annotations(json!({"a": "b"}))).await.ok();
    complete(place, 1).await;
    place.merge("deployments/web", &annotations(Value::Null)).await.ok();
    complete(place, 1).await;
    let again = |sets: &[Value]| active(sets).iter().map(|set| uid(set)).collect::<Vec<_>>() == [uid(&old)];
    let sets = place.until("replicasets", "back", again).await;
    assert_eq!(sets.len(), 2);
    assert_eq!(active(&sets)[0]["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
}

async fn a_deployment_is_scaled_down_and_up(place: &Place) {
    place.create("deployments", &deployment(2)).await.ok();
    complete(place, 2).await;
    let set = replica_set(place).await;
    place.merge("deployments/web", &json!({"spec": {"replicas": 0}})).await.ok();
    let none = |web: &Value| {
        let status = &web["status"];
        status["observedGeneration"] == web["metadata"]["generation"] && status.get("replicas").is_none()
    };
    let web = place.until_one("deployments/web", "empty", none).await;
    assert_eq!(condition_text(&web, "Available"), "True MinimumReplicasAvailable");
    place.until("pods", "gone", <[Value]>::is_empty).await;
    place.merge("deployments/web/scale", &json!({"spec": {"replicas": 1}})).await.ok();
    complete(place, 1).await;
    let sets = place.get("replicasets").await.ok();
    assert_eq!(names(&sets), [name(&set)]);
}

async fn a_lost_pod_is_replaced(place: &Place) {
    place.create("deployments", &deployment(1)).await.ok();
    complete(place, 1).await;
    let lost = place.get("pods").await.ok()["items"][0].clone();
    place.delete(&format!("pods/{}", name(&lost))).await.ok();
    let replaced = |pods: &[Value]| {
        pods.len() == 1 && uid(&pods[0]) != uid(&lost) && condition(&pods[0], "Ready")["status"] == "True"
    };
    let pods = place.until("pods", "replaced", replaced).await;
    assert_ne!(name(&pods[0]), name(&lost));
    assert_ne!(pods[0]["status"]["podIP"], lost["status"]["podIP"]);
    complete(place, 1).await;
}

/// A Deployment that has one ready pod, and is given a template whose pods never get ready.
async fn break_web(place: &Place, deadline: u32) -> Value {
    let mut web = deployment(1);
    web["spec"]["progressDeadlineSeconds"] = json!(deadline);
    place.create("deployments", &web).await.ok();
    complete(place, 1).await;
    place.never_ready("release=broken");
    let probe = json!({"tcpSocket": {"port": 1}, "periodSeconds": 1});
    let patch = json!({"spec": {"template": {
        "metadata": {"labels": {"release": "broken"}},
        "spec": {"containers": [{"name": "app", "readinessProbe": probe}]},
    }}});
    place.strategic("deployments/web", &patch).await.ok()
}

async fn pods_that_never_get_ready_leave_the_old_ones_alone(place: &Place) {
    break_web(place, 600).await;
    let surged = |web: &Value| web["status"]["updatedReplicas"] == 1 && web["status"]["replicas"] == 2;
    let web = place.until_one("deployments/web", "surged", surged).await;
    let status = &web["status"];
    assert_eq!((&status["readyReplicas"], &status["availableReplicas"]), (&json!(1), &json!(1)));
    assert_eq!((&status["unavailableReplicas"], &status["observedGeneration"]), (&json!(1), &json!(2)));
    assert_eq!(condition_text(&web, "Available"), "True MinimumReplicasAvailable");
    // NewReplicaSetCreated or ReplicaSetUpdated: the real controller says now this, now that.
    assert_eq!(condition(&web, "Progressing")["status"], "True");
}

async fn a_deployment_that_makes_no_progress_says_so(place: &Place) {
    break_web(place, 3).await;
    let late = |web: &Value| condition_text(web, "Progressing") == "False ProgressDeadlineExceeded";
    let web = place.until_one("deployments/web", "late", late).await;
    let sets = place.get("replicasets").await.ok();
    let broken = sets["items"].as_array().unwrap().iter().find(|set| set["metadata"]["labels"]["release"] == "broken");
    let message = format!("ReplicaSet \"{}\" has timed out progressing.", name(broken.unwrap()));
    assert_eq!(condition(&web, "Progressing")["message"], json!(message));
}

async fn a_paused_deployment_does_not_roll(place: &Place) {
    place.create("deployments", &deployment(1)).await.ok();
    complete(place, 1).await;
    place.merge("deployments/web", &json!({"spec": {"paused": true}})).await.ok();
    let patch = json!({"spec": {"replicas": 2, "template": {"metadata": {"annotations": {"a": "b"}}}}});
    place.merge("deployments/web", &patch).await.ok();
    // It is scaled, though.
    let scaled = |web: &Value| web["status"]["observedGeneration"] == 3 && web["status"]["readyReplicas"] == 2;
    let web = place.until_one("deployments/web", "scaled", scaled).await;
    assert_eq!(web["status"].get("updatedReplicas"), None);
    assert_eq!(condition_text(&web, "Progressing"), "Unknown DeploymentPaused");
    assert_eq!(names(&place.get("replicasets").await.ok()).len(), 1);
    place.merge("deployments/web", &json!({"spec": {"paused": null}})).await.ok();
    complete(place, 2).await;
}

async fn a_deployment_that_recreates_ends_the_old_pods_first(place: &Place) {
    let mut web = deployment(1);
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    place.create("deployments", &web).await.ok();
    complete(place, 1).await;
    let old = place.get("pods").await.ok();
    let mut watch = place.watch(&format!("pods?resourceVersion={}", crate::answer::version(&old))).await;
    place
        .merge("deployments/web", &json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}))
        .await
        .ok();
    complete(place, 1).await;
    let old = names(&old).remove(0);
    let first = loop {
        let (kind, name) = watch.next_change().await;
        if (kind == "DELETED" && name == old) || kind == "ADDED" {
            break (kind, name);
        }
    };
    assert_eq!(first, ("DELETED".to_owned(), old));
}

async fn pods_count_as_available_after_a_while(place: &Place) {
    let mut web = deployment(1);
    web["spec"]["minReadySeconds"] = json!(3);
    place.create("deployments", &web).await.ok();
    let ready = |web: &Value| web["status"]["readyReplicas"] == 1;
    let web = place.until_one("deployments/web", "ready", ready).await;
    assert_eq!((web["status"].get("availableReplicas"), &web["status"]["unavailableReplicas"]), (None, &json!(1)));
    assert_eq!(condition_text(&web, "Available"), "False MinimumReplicasUnavailable");
    let web = complete(place, 1).await;
    assert_eq!(condition_text(&web, "Available"), "True MinimumReplicasAvailable");
}

async fn an_exhausted_quota_fails_the_replica_set(place: &Place) {
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    place.create("resourcequotas", &quota).await.ok();
    let counted = |quota: &Value| quota["status"]["hard"]["pods"] == "0";
    place.until_one("resourcequotas/none", "counted", counted).await;
    place.create("deployments", &deployment(1)).await.ok();
    let failed = |set: &Value| condition(set, "ReplicaFailure")["status"] == "True";
    let set = place.until("replicasets", "failed", |sets| sets.iter().any(failed)).await.remove(0);
    let failure = condition(&set, "ReplicaFailure");
    assert_eq!(failure["reason"], "FailedCreate");
    let message = failure["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("pods \"{}-", name(&set))), "{message}");
    let cause = "is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0";
    assert!(message.ends_with(cause), "{message}");
    let web = place.until_one("deployments/web", "failed", failed).await;
    assert_eq!(condition(&web, "ReplicaFailure")["message"], failure["message"]);
    // Once there is room, it is as if nothing had been.
    place.delete("resourcequotas/none").await.ok();
    let web = complete(place, 1).await;
    assert_eq!(condition(&web, "ReplicaFailure"), Value::Null);
}

async fn everything_goes_with_the_deployment(place: &Place) {
    place.create("deployments", &deployment(2)).await.ok();
    complete(place, 2).await;
    place.delete("deployments/web").await.ok();
    place.until("replicasets", "gone", <[Value]>::is_empty).await;
    place.until("pods", "gone", <[Value]>::is_empty).await;
}

async fn pods_go_with_a_replica_set_that_shrinks(place: &Place) {
    let mut web = deployment(3);
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(5);
    place.create("deployments", &web).await.ok();
    complete(place, 3).await;
    let list = place.get("pods").await.ok();
    let mut watch = place.watch(&format!("pods?resourceVersion={}", crate::answer::version(&list))).await;
    place.merge("deployments/web", &json!({"spec": {"replicas": 1}})).await.ok();
    let event = watch.next().await.unwrap();
    // It is asked to end, and only later gone.
    assert_eq!(
        (&event["type"], event["object"]["metadata"]["deletionTimestamp"].is_string()),
        (&json!("MODIFIED"), true)
    );
    assert_eq!(event["object"]["metadata"]["deletionGracePeriodSeconds"], 5);
    complete(place, 1).await;
    place.until("pods", "gone", |pods| pods.len() == 1).await;
}
