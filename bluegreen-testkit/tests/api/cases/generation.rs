//! When the generation of an object goes up.

use serde_json::{Value, json};

use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    a_new_object_is_of_the_first_generation,
    a_change_of_the_spec_raises_it,
    labels_do_not_raise_it,
    annotations_of_a_deployment_raise_it,
    the_same_spec_does_not_raise_it,
    a_scale_raises_it,
    a_status_does_not_raise_it,
    what_the_caller_says_about_it_is_ignored,
    kinds_without_it_have_none,
];

fn generation(object: &Value) -> Option<u64> {
    object["metadata"]["generation"].as_u64()
}

async fn a_new_object_is_of_the_first_generation(place: &Place) {
    assert_eq!(generation(&place.create("deployments", &deployment(0)).await.ok()), Some(1));
}

async fn a_change_of_the_spec_raises_it(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let written = place.merge("deployments/web", &json!({"spec": {"minReadySeconds": 1}})).await.ok();
    assert_eq!(generation(&written), Some(2));
}

async fn labels_do_not_raise_it(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let written = place.merge("deployments/web", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    assert_eq!(generation(&written), Some(1));
}

/// Of all kinds, only Deployments have this.
async fn annotations_of_a_deployment_raise_it(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let written = place.merge("deployments/web", &json!({"metadata": {"annotations": {"a": "b"}}})).await.ok();
    assert_eq!(generation(&written), Some(2));
}

async fn the_same_spec_does_not_raise_it(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let written = place.merge("deployments/web", &json!({"spec": {"replicas": 0}})).await.ok();
    assert_eq!(generation(&written), Some(1));
}

async fn a_scale_raises_it(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["paused"] = json!(true);
    place.create("deployments", &web).await.ok();
    place.merge("deployments/web/scale", &json!({"spec": {"replicas": 1}})).await.ok();
    assert_eq!(generation(&place.get("deployments/web").await.ok()), Some(2));
}

async fn a_status_does_not_raise_it(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let condition = json!({"type": "Tested", "status": "True"});
    place.merge("deployments/web/status", &json!({"status": {"conditions": [condition]}})).await.ok();
    assert_eq!(generation(&place.get("deployments/web").await.ok()), Some(1));
}

async fn what_the_caller_says_about_it_is_ignored(place: &Place) {
    let mut web = deployment(0);
    web["metadata"]["generation"] = json!(7);
    assert_eq!(generation(&place.create("deployments", &web).await.ok()), Some(1));
    let written = place.merge("deployments/web", &json!({"metadata": {"generation": 9}})).await.ok();
    assert_eq!(generation(&written), Some(1));
}

async fn kinds_without_it_have_none(place: &Place) {
    assert_eq!(generation(&place.create("services", &service()).await.ok()), None);
    assert_eq!(generation(&place.create("configmaps", &config_map("a", json!({}))).await.ok()), None);
    let changed = place.merge("services/checkout", &json!({"spec": {"selector": {"color": "green"}}})).await.ok();
    assert_eq!(generation(&changed), None);
}
