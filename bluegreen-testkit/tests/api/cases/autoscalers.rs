//! HorizontalPodAutoscalers, as far as they work without metrics: what scales by load is not tried here.

use serde_json::{Value, json};

use crate::answer::condition_text;
use crate::manifests::deployment;
use crate::place::Place;

super::cases![
    an_autoscaler_gets_its_defaults,
    a_minimum_is_kept,
    a_maximum_is_kept,
    a_target_of_size_zero_is_left_alone,
    a_minimum_above_the_maximum_is_refused,
];

fn autoscaler(min: u32, max: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": min, "maxReplicas": max,
        },
    })
}

/// A Deployment whose pods are never scheduled: only its size is of interest.
fn sized(replicas: u32) -> Value {
    let mut web = deployment(replicas);
    web["spec"]["template"]["spec"]["schedulerName"] = json!("nobody");
    web
}

async fn an_autoscaler_gets_its_defaults(place: &Place) {
    let mut asked = autoscaler(1, 3);
    asked["spec"].as_object_mut().unwrap().remove("minReplicas");
    let made = place.create("horizontalpodautoscalers", &asked).await.ok();
    assert_eq!(
        made["spec"],
        json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80},
            }}],
        })
    );
}

async fn a_minimum_is_kept(place: &Place) {
    place.create("deployments", &sized(1)).await.ok();
    place.create("horizontalpodautoscalers", &autoscaler(2, 3)).await.ok();
    let web = place.until_one("deployments/web", "raised", |web| web["spec"]["replicas"] == 2).await;
    assert_eq!(web["metadata"]["generation"], 2);
    place.merge("horizontalpodautoscalers/web", &json!({"spec": {"minReplicas": 3}})).await.ok();
    place.until_one("deployments/web", "raised again", |web| web["spec"]["replicas"] == 3).await;
}

async fn a_maximum_is_kept(place: &Place) {
    place.create("deployments", &sized(3)).await.ok();
    place.create("horizontalpodautoscalers", &autoscaler(1, 2)).await.ok();
    place.until_one("deployments/web", "lowered", |web| web["spec"]["replicas"] == 2).await;
}

async fn a_target_of_size_zero_is_left_alone(place: &Place) {
    place.create("deployments", &sized(0)).await.ok();
    place.create("horizontalpodautoscalers", &autoscaler(2, 3)).await.ok();
    let disabled = |scaler: &Value| condition_text(scaler, "ScalingActive") == "False ScalingDisabled";
    place.until_one("horizontalpodautoscalers/web", "disabled", disabled).await;
    assert_eq!(place.get("deployments/web").await.ok()["spec"]["replicas"], 0);
    // From 1 on it is in charge again.
    place.merge("deployments/web", &json!({"spec": {"replicas": 1}})).await.ok();
    place.until_one("deployments/web", "raised", |web| web["spec"]["replicas"] == 2).await;
}

async fn a_minimum_above_the_maximum_is_refused(place: &Place) {
    let message = "HorizontalPodAutoscaler.autoscaling \"web\" is invalid: spec.maxReplicas: Invalid value: 2: must be \
                   greater than or equal to `minReplicas`";
    let answer = place.create("horizontalpodautoscalers", &autoscaler(3, 2)).await;
    answer.refused(422, "Invalid", message);
}
