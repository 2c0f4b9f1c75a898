//! `status`, `scale` and `log`.

use serde_json::json;

use crate::answer::version;
use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    a_scale_shows_the_size_and_the_pods,
    a_scale_can_be_patched,
    a_scale_can_be_put_under_its_version,
    a_scale_carries_no_annotations,
    a_scale_below_zero_is_refused,
    a_scale_of_what_is_missing_is_not_found,
    a_status_is_written_apart,
    a_spec_is_not_written_with_the_status,
    a_status_is_put_under_its_version,
    a_status_can_be_read_as_the_object,
    what_has_no_scale_is_not_found,
];

async fn a_scale_shows_the_size_and_the_pods(place: &Place) {
    let made = place.create("deployments", &deployment(0)).await.ok();
    let scale = place.get("deployments/web/scale").await.ok_with(200);
    assert_eq!((&scale["apiVersion"], &scale["kind"]), (&json!("autoscaling/v1"), &json!("Scale")));
    assert_eq!(scale["metadata"]["name"], "web");
    assert_eq!(scale["metadata"]["namespace"], json!(place.namespace));
    assert_eq!(scale["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(scale["metadata"]["creationTimestamp"], made["metadata"]["creationTimestamp"]);
    // Nobody wants any.
    assert_eq!(scale["spec"], json!({}));
    assert_eq!(scale["status"], json!({"replicas": 0, "selector": "app=web"}));
}

async fn a_scale_can_be_patched(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let pause = json!({"spec": {"paused": true}});
    place.merge("deployments/web", &pause).await.ok();
    let scale = place.merge("deployments/web/scale", &json!({"spec": {"replicas": 2}})).await.ok_with(200);
    assert_eq!((&scale["kind"], &scale["spec"]), (&json!("Scale"), &json!({"replicas": 2})));
    let web = place.get("deployments/web").await.ok();
    assert_eq!(web["spec"]["replicas"], 2);
}

async fn a_scale_can_be_put_under_its_version(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let mut scale = place.get("deployments/web/scale").await.ok();
    scale["spec"]["replicas"] = json!(0);
    scale["metadata"]["resourceVersion"] = json!("1");
    let answer = place.put("deployments/web/scale", &scale).await;
    let message = "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply \
                   your changes to the latest version and try again";
    answer.refused(409, "Conflict", message);
    scale["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    place.put("deployments/web/scale", &scale).await.ok_with(200);
}

async fn a_scale_carries_no_annotations(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let patch = json!({"metadata": {"annotations": {"stamp": "1"}}});
    place.merge("deployments/web/scale", &patch).await.ok();
    let web = place.get("deployments/web").await.ok();
    assert_eq!(web["metadata"]["annotations"].get("stamp"), None);
}

async fn a_scale_below_zero_is_refused(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let answer = place.merge("deployments/web/scale", &json!({"spec": {"replicas": -1}})).await;
    let message = "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal \
                   to 0";
    answer.refused(422, "Invalid", message);
}

async fn a_scale_of_what_is_missing_is_not_found(place: &Place) {
    let message = "deployments.apps \"web\" not found";
    place.get("deployments/web/scale").await.refused(404, "NotFound", message);
    place.merge("deployments/web/scale", &json!({"spec": {"replicas": 1}})).await.refused(404, "NotFound", message);
}

fn condition(reason: &str) -> serde_json::Value {
    json!({
        "type": "Tested", "status": "True", "reason": reason, "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

async fn a_status_is_written_apart(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    let patch = json!({"status": {"conditions": [condition("One")]}});
    let same = place.merge("services/checkout", &patch).await.ok();
    assert_eq!((same["status"].get("conditions"), version(&same)), (None, version(&made)));
    let written = place.merge("services/checkout/status", &patch).await.ok_with(200);
    assert_eq!(written["status"]["conditions"], json!([condition("One")]));
    assert_eq!(written["spec"], made["spec"]);
}

async fn a_spec_is_not_written_with_the_status(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    let patch = json!({
        "spec": {"selector": {"color": "green"}}, "status": {"conditions": [condition("One")]},
    });
    let written = place.merge("services/checkout/status", &patch).await.ok();
    assert_eq!(written["spec"], made["spec"]);
    assert_eq!(written["status"]["conditions"][0]["reason"], "One");
}

async fn a_status_is_put_under_its_version(place: &Place) {
    let mut old = place.create("services", &service()).await.ok();
    place.merge("services/checkout", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    old["status"]["conditions"] = json!([condition("One")]);
    let answer = place.put("services/checkout/status", &old).await;
    assert_eq!((answer.code, &answer.body["reason"]), (409, &json!("Conflict")), "{answer:?}");
    let mut live = place.get("services/checkout").await.ok();
    live["status"]["conditions"] = json!([condition("Two")]);
    let written = place.put("services/checkout/status", &live).await.ok();
    assert_eq!(written["status"]["conditions"][0]["reason"], "Two");
}

async fn a_status_can_be_read_as_the_object(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    assert_eq!(place.get("services/checkout/status").await.ok(), made);
}

async fn what_has_no_scale_is_not_found(place: &Place) {
    place.create("configmaps", &config_map("a", json!({}))).await.ok();
    let message = "the server could not find the requested resource";
    place.get("configmaps/a/scale").await.refused(404, "NotFound", message);
    place.get("configmaps/a/status").await.refused(404, "NotFound", message);
}
