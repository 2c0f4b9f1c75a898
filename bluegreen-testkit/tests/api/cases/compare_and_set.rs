//! Writes that test the version that was read.

use serde_json::json;

use crate::answer::{uid, version};
use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    each_write_gives_a_new_version,
    a_write_that_changes_nothing_keeps_the_version,
    a_put_under_an_old_version_is_a_conflict,
    a_merge_patch_under_an_old_version_is_a_conflict,
    a_strategic_patch_under_an_old_version_is_a_conflict,
    an_apply_under_an_old_version_is_a_conflict,
    a_patch_under_the_version_that_was_read_lands,
    a_put_without_a_version_overwrites,
    a_lease_is_never_put_without_a_version,
    a_put_of_another_uid_is_a_conflict,
];

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

async fn each_write_gives_a_new_version(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok_with(201);
    let mut seen = vec![version(&made)];
    for n in 1..4 {
        let written = place.merge("configmaps/a", &json!({"data": {"n": n.to_string()}})).await.ok_with(200);
        assert!(!seen.contains(&version(&written)), "{} came again", version(&written));
        assert_eq!(place.get("configmaps/a").await.ok(), written);
        seen.push(version(&written));
    }
}

async fn a_write_that_changes_nothing_keeps_the_version(place: &Place) {
    let made = place.create("configmaps?fieldManager=test", &config_map("a", json!({"n": "0"}))).await.ok();
    let same = json!({"data": {"n": "0"}});
    assert_eq!(place.merge("configmaps/a?fieldManager=test", &same).await.ok(), made);
    assert_eq!(place.put("configmaps/a?fieldManager=test", &made).await.ok(), made);
    let patch = json!([{"op": "test", "path": "/data/n", "value": "0"}]);
    assert_eq!(place.json_patch("configmaps/a?fieldManager=test", &patch).await.ok(), made);
    assert_eq!(place.get("configmaps/a").await.ok(), made);
}

async fn a_put_under_an_old_version_is_a_conflict(place: &Place) {
    let old = place.create("services", &service()).await.ok();
    let new = place.merge("services/checkout", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    let details = place.put("services/checkout", &old).await.refused(
        409,
        "Conflict",
        &format!("Operation cannot be fulfilled on services \"checkout\": {MODIFIED}"),
    );
    assert_eq!(details, json!({"name": "checkout", "kind": "services"}));
    assert_eq!(place.get("services/checkout").await.ok(), new);
}

async fn a_merge_patch_under_an_old_version_is_a_conflict(place: &Place) {
    let old = place.create("deployments", &deployment(0)).await.ok();
    place.merge("deployments/web", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    let patch = json!({"metadata": {"resourceVersion": version(&old)}, "spec": {"replicas": 3}});
    let details = place.merge("deployments/web", &patch).await.refused(
        409,
        "Conflict",
        &format!("Operation cannot be fulfilled on deployments.apps \"web\": {MODIFIED}"),
    );
    assert_eq!(details, json!({"name": "web", "group": "apps", "kind": "deployments"}));
    assert_eq!(place.get("deployments/web").await.ok()["spec"]["replicas"], 0);
}

async fn a_strategic_patch_under_an_old_version_is_a_conflict(place: &Place) {
    let old = place.create("services", &service()).await.ok();
    let new = place.merge("services/checkout", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    let patch = json!({"metadata": {"resourceVersion": version(&old), "labels": {"a": "c"}}});
    let message = format!("Operation cannot be fulfilled on services \"checkout\": {MODIFIED}");
    place.strategic("services/checkout", &patch).await.refused(409, "Conflict", &message);
    assert_eq!(place.get("services/checkout").await.ok(), new);
}

async fn an_apply_under_an_old_version_is_a_conflict(place: &Place) {
    let old = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let new = place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    let mut applied = config_map("a", json!({"m": "2"}));
    applied["metadata"]["resourceVersion"] = json!(version(&old));
    let message = format!("Operation cannot be fulfilled on configmaps \"a\": {MODIFIED}");
    place.apply("configmaps/a", "test", &applied).await.refused(409, "Conflict", &message);
    assert_eq!(place.get("configmaps/a").await.ok(), new);
}

async fn a_patch_under_the_version_that_was_read_lands(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    let patch = json!({
        "metadata": {"resourceVersion": version(&made), "annotations": {"stamp": "1"}},
        "spec": {"selector": {"app": "checkout", "color": "green"}},
    });
    let written = place.merge("services/checkout", &patch).await.ok();
    assert_eq!(written["spec"]["selector"], json!({"app": "checkout", "color": "green"}));
    assert_eq!(written["metadata"]["annotations"], json!({"stamp": "1"}));
    assert_ne!(version(&written), version(&made));
}

async fn a_put_without_a_version_overwrites(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let written = place.put("configmaps/a", &config_map("a", json!({"m": "1"}))).await.ok_with(200);
    assert_eq!(written["data"], json!({"m": "1"}));
    assert_eq!(
        (uid(&written), &written["metadata"]["creationTimestamp"]),
        (uid(&made), &made["metadata"]["creationTimestamp"])
    );
}

async fn a_lease_is_never_put_without_a_version(place: &Place) {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"},
        "spec": {"holderIdentity": "one"},
    });
    place.create("leases", &lease).await.ok();
    let details = place.put("leases/lock", &lease).await.refused(
        422,
        "Invalid",
        "leases.coordination.k8s.io \"lock\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
    );
    assert_eq!(
        details["causes"],
        json!([{
            "reason": "FieldValueInvalid", "message": "Invalid value: 0: must be specified for an update",
            "field": "metadata.resourceVersion",
        }])
    );
}

async fn a_put_of_another_uid_is_a_conflict(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let mut other = made.clone();
    other["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    let message = format!(
        "Operation cannot be fulfilled on configmaps \"a\": StorageError: invalid object, Code: 4, Key: \
         /registry/configmaps/{}/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: \
         00000000-0000-0000-0000-000000000000, UID in object meta: {}",
        place.namespace,
        uid(&made)
    );
    place.put("configmaps/a", &other).await.refused(409, "Conflict", &message);
}
