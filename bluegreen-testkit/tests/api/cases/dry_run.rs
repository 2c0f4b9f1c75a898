//! Writes that are only tried.

use serde_json::json;

use crate::answer::version;
use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    a_creation_is_answered_and_not_stored,
    a_creation_that_is_invalid_is_refused,
    a_creation_of_what_is_there_is_refused,
    a_put_is_answered_and_not_stored,
    a_put_under_an_old_version_is_a_conflict,
    a_patch_of_each_kind_is_answered_and_not_stored,
    a_scale_is_answered_and_not_stored,
    a_deletion_is_answered_and_not_done,
    any_other_value_is_refused,
];

async fn a_creation_is_answered_and_not_stored(place: &Place) {
    let tried = place.create("deployments?dryRun=All", &deployment(0)).await.ok_with(201);
    assert_eq!(tried["spec"]["revisionHistoryLimit"], 10);
    assert!(tried["metadata"]["uid"].is_string() && tried["metadata"].get("resourceVersion").is_none(), "{tried:#}");
    place.get("deployments/web").await.refused(404, "NotFound", "deployments.apps \"web\" not found");
}

async fn a_creation_that_is_invalid_is_refused(place: &Place) {
    let mut asked = service();
    asked["spec"]["ports"] = json!([]);
    let message = "Service \"checkout\" is invalid: spec.ports: Required value";
    place.create("services?dryRun=All", &asked).await.refused(422, "Invalid", message);
}

async fn a_creation_of_what_is_there_is_refused(place: &Place) {
    place.create("services", &service()).await.ok();
    let answer = place.create("services?dryRun=All", &service()).await;
    answer.refused(409, "AlreadyExists", "services \"checkout\" already exists");
}

async fn a_put_is_answered_and_not_stored(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let mut changed = made.clone();
    changed["data"] = json!({"n": "1"});
    let tried = place.put("configmaps/a?dryRun=All", &changed).await.ok();
    assert_eq!((&tried["data"], version(&tried)), (&json!({"n": "1"}), version(&made)));
    assert_eq!(place.get("configmaps/a").await.ok(), made);
}

async fn a_put_under_an_old_version_is_a_conflict(place: &Place) {
    let old = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    let answer = place.put("configmaps/a?dryRun=All", &old).await;
    assert_eq!((answer.code, &answer.body["reason"]), (409, &json!("Conflict")), "{answer:?}");
}

async fn a_patch_of_each_kind_is_answered_and_not_stored(place: &Place) {
    let made = place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
    let (patch, resource) = (json!({"data": {"n": "1"}}), "configmaps/a?dryRun=All");
    let operations = json!([{"op": "add", "path": "/data/n", "value": "1"}]);
    let tried = [
        place.merge(resource, &patch).await.ok(),
        place.strategic(resource, &patch).await.ok(),
        place.json_patch(resource, &operations).await.ok(),
        place.apply(resource, "one", &config_map("a", json!({"n": "1"}))).await.ok(),
    ];
    for tried in tried {
        assert_eq!(tried["data"], json!({"n": "1"}));
    }
    assert_eq!(place.get("configmaps/a").await.ok(), made);
    place.apply("configmaps/b?dryRun=All", "one", &config_map("b", json!({}))).await.ok_with(201);
    place.get("configmaps/b").await.refused(404, "NotFound", "configmaps \"b\" not found");
}

async fn a_scale_is_answered_and_not_stored(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let tried = place.merge("deployments/web/scale?dryRun=All", &json!({"spec": {"replicas": 2}})).await.ok();
    assert_eq!(tried["spec"]["replicas"], 2);
    assert_eq!(place.get("deployments/web").await.ok()["spec"]["replicas"], 0);
}

async fn a_deletion_is_answered_and_not_done(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    place.delete("configmaps/a?dryRun=All").await.ok_with(200);
    assert_eq!(place.get("configmaps/a").await.ok(), made);
    place.delete_with("configmaps/a", &json!({"dryRun": ["All"]})).await.ok_with(200);
    assert_eq!(place.get("configmaps/a").await.ok(), made);
}

async fn any_other_value_is_refused(place: &Place) {
    let answer = place.create("configmaps?dryRun=Some", &config_map("a", json!({}))).await;
    assert_eq!((answer.code, &answer.body["reason"]), (422, &json!("Invalid")), "{answer:?}");
    assert_eq!(answer.body["details"]["causes"][0]["field"], "dryRun");
}
