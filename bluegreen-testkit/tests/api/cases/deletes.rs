//! Deletion.

use serde_json::{Value, json};

use crate::answer::{names, uid, version};
use crate::manifests::{config_map, pod};
use crate::place::Place;

super::cases![
    what_is_deleted_is_gone,
    what_is_missing_cannot_be_deleted,
    a_deletion_may_ask_for_a_uid,
    a_deletion_may_ask_for_a_version,
    a_finalizer_holds_an_object_back,
    an_object_that_is_going_gets_no_finalizers,
    an_object_that_is_going_is_not_made_again,
    what_is_owned_goes_with_its_owner,
    what_is_orphaned_stays,
    an_owner_can_wait_for_what_it_owns,
    a_collection_is_deleted_by_labels,
    a_pod_without_a_node_goes_at_once,
];

async fn what_is_deleted_is_gone(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({}))).await.ok();
    let status = place.delete("configmaps/a").await.ok_with(200);
    assert_eq!(
        status,
        json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success",
            "details": {"name": "a", "kind": "configmaps", "uid": uid(&made)},
        })
    );
    place.get("configmaps/a").await.refused(404, "NotFound", "configmaps \"a\" not found");
    let again = place.create("configmaps", &config_map("a", json!({}))).await.ok_with(201);
    assert_ne!(uid(&again), uid(&made));
}

async fn what_is_missing_cannot_be_deleted(place: &Place) {
    place.delete("services/a").await.refused(404, "NotFound", "services \"a\" not found");
}

async fn a_deletion_may_ask_for_a_uid(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({}))).await.ok();
    let other = "00000000-0000-0000-0000-000000000000";
    let answer = place.delete_with("configmaps/a", &json!({"preconditions": {"uid": other}})).await;
    let uid = uid(&made);
    let details = answer.refused(
        409,
        "Conflict",
        &format!(
            "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition ({other}) does not match the UID \
             in record ({uid}). The object might have been deleted and then recreated"
        ),
    );
    // Unlike all other conflicts, it names the kind.
    assert_eq!(details, json!({"name": "a", "kind": "ConfigMap"}));
    place.delete_with("configmaps/a", &json!({"preconditions": {"uid": uid}})).await.ok();
}

async fn a_deletion_may_ask_for_a_version(place: &Place) {
    let old = version(&place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok());
    let new = version(&place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok());
    let answer = place.delete_with("configmaps/a", &json!({"preconditions": {"resourceVersion": old}})).await;
    answer.refused(
        409,
        "Conflict",
        &format!(
            "Operation cannot be fulfilled on ConfigMap \"a\": the ResourceVersion in the precondition ({old}) does not match \
             the ResourceVersion in record ({new}). The object might have been modified"
        ),
    );
    place.delete_with("configmaps/a", &json!({"preconditions": {"resourceVersion": new}})).await.ok();
}

/// A ConfigMap `a` that something wants to clean up after.
async fn make_held(place: &Place) -> Value {
    let mut object = config_map("a", json!({"n": "0"}));
    object["metadata"]["finalizers"] = json!(["test.example/hold"]);
    place.create("configmaps", &object).await.ok()
}

async fn a_finalizer_holds_an_object_back(place: &Place) {
    let made = make_held(place).await;
    let list = place.get("configmaps").await.ok();
    let query = format!("configmaps?fieldSelector=metadata.name=a&resourceVersion={}", version(&list));
    let mut watch = place.watch(&query).await;
    let going = place.delete("configmaps/a").await.ok_with(200);
    assert_eq!((&going["kind"], going["metadata"]["deletionTimestamp"].is_string()), (&json!("ConfigMap"), true));
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_ne!(version(&going), version(&made));
    assert_eq!(place.get("configmaps/a").await.ok(), going);
    // Once more changes nothing.
    place.delete("configmaps/a").await.ok();
    assert_eq!(place.get("configmaps/a").await.ok(), going);
    place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    place.merge("configmaps/a", &json!({"metadata": {"finalizers": null}})).await.ok_with(200);
    place.get("configmaps/a").await.refused(404, "NotFound", "configmaps \"a\" not found");
    watch.expect(&[("MODIFIED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]).await;
}

async fn an_object_that_is_going_gets_no_finalizers(place: &Place) {
    make_held(place).await;
    place.delete("configmaps/a").await.ok();
    let patch = json!({"metadata": {"finalizers": ["test.example/hold", "test.example/more"]}});
    let answer = place.merge("configmaps/a", &patch).await;
    assert_eq!((answer.code, &answer.body["reason"]), (422, &json!("Invalid")), "{answer:?}");
    assert_eq!(answer.body["details"]["causes"][0]["field"], "metadata.finalizers");
    place.merge("configmaps/a", &json!({"metadata": {"finalizers": null}})).await.ok();
}

async fn an_object_that_is_going_is_not_made_again(place: &Place) {
    make_held(place).await;
    place.delete("configmaps/a").await.ok();
    let answer = place.create("configmaps", &config_map("a", json!({}))).await;
    answer.refused(409, "AlreadyExists", "object is being deleted: configmaps \"a\" already exists");
    place.merge("configmaps/a", &json!({"metadata": {"finalizers": null}})).await.ok();
}

/// A ConfigMap `owner`, and one `owned` that belongs to it.
async fn make_family(place: &Place, block: bool) {
    let owner = place.create("configmaps", &config_map("owner", json!({}))).await.ok();
    let mut owned = config_map("owned", json!({}));
    owned["metadata"]["labels"] = json!({"family": "yes"});
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid(&owner), "blockOwnerDeletion": block,
    }]);
    place.create("configmaps", &owned).await.ok();
}

async fn what_is_owned_goes_with_its_owner(place: &Place) {
    make_family(place, false).await;
    place.delete("configmaps/owner").await.ok();
    place.until("configmaps?labelSelector=family", "collected", <[Value]>::is_empty).await;
}

async fn what_is_orphaned_stays(place: &Place) {
    make_family(place, false).await;
    place.delete_with("configmaps/owner", &json!({"propagationPolicy": "Orphan"})).await.ok();
    place.until("configmaps?fieldSelector=metadata.name=owner", "gone", <[Value]>::is_empty).await;
    let owned = place.get("configmaps/owned").await.ok();
    assert_eq!(owned["metadata"].get("ownerReferences"), None);
}

async fn an_owner_can_wait_for_what_it_owns(place: &Place) {
    make_family(place, true).await;
    let hold = json!({"metadata": {"finalizers": ["test.example/hold"]}});
    place.merge("configmaps/owned", &hold).await.ok();
    let going = place.delete_with("configmaps/owner", &json!({"propagationPolicy": "Foreground"})).await.ok();
    assert_eq!(going["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let is_going = |object: &Value| object["metadata"]["deletionTimestamp"].is_string();
    place.until_one("configmaps/owned", "deleted", is_going).await;
    place.get("configmaps/owner").await.ok();
    place.merge("configmaps/owned", &json!({"metadata": {"finalizers": null}})).await.ok();
    place.until("configmaps?fieldSelector=metadata.name=owner", "gone", <[Value]>::is_empty).await;
}

async fn a_collection_is_deleted_by_labels(place: &Place) {
    for (name, color) in [("a", "blue"), ("b", "green"), ("c", "blue")] {
        let mut object = config_map(name, json!({}));
        object["metadata"]["labels"] = json!({"color": color});
        place.create("configmaps", &object).await.ok();
    }
    let deleted = place.delete("configmaps?labelSelector=color=blue").await.ok_with(200);
    assert_eq!((&deleted["kind"], names(&deleted)), (&json!("ConfigMapList"), vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(names(&place.get("configmaps?labelSelector=color").await.ok()), ["b"]);
}

async fn a_pod_without_a_node_goes_at_once(place: &Place) {
    let mut asked = pod("a");
    asked["spec"]["schedulerName"] = json!("nobody");
    asked["spec"]["terminationGracePeriodSeconds"] = json!(30);
    place.create("pods", &asked).await.ok();
    place.delete("pods/a").await.ok();
    place.get("pods/a").await.refused(404, "NotFound", "pods \"a\" not found");
}
