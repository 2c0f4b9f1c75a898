//! JSON patches (RFC 6902), whose `test` is what a fenced write rests on.

use serde_json::json;

use crate::answer::version;
use crate::manifests::{config_map, service};
use crate::place::Place;

super::cases![
    a_test_that_holds_lets_the_patch_land_whole,
    a_test_that_fails_changes_nothing_and_says_nothing,
    a_test_of_a_path_that_is_missing_fails_alike,
    a_test_of_the_version_is_a_compare_and_set,
    a_value_is_compared_as_a_whole,
    an_addition_without_its_parent_fails,
    an_addition_replaces_what_is_there,
    a_removal_of_what_is_missing_fails,
    a_replacement_of_what_is_missing_adds_it,
    a_slash_in_a_name_is_escaped,
    what_is_moved_or_copied_arrives,
    the_identity_of_an_object_cannot_be_patched,
    a_body_that_is_no_patch_is_a_bad_request,
];

const REJECTED: &str = "the server rejected our request due to an error in our request";

async fn a_test_that_holds_lets_the_patch_land_whole(place: &Place) {
    let mut made = service();
    made["metadata"]["annotations"] = json!({"bluegreen.rs/stamp": "1.1/a"});
    place.create("services", &made).await.ok();
    let patch = json!([
        {"op": "test", "path": "/metadata/annotations/bluegreen.rs~1stamp", "value": "1.1/a"},
        {"op": "test", "path": "/spec/selector", "value": {"color": "blue", "app": "checkout"}},
        {"op": "add", "path": "/metadata/annotations/bluegreen.rs~1stamp", "value": "1.2/a"},
        {"op": "add", "path": "/spec/selector", "value": {"app": "checkout", "color": "green"}},
    ]);
    let written = place.json_patch("services/checkout", &patch).await.ok_with(200);
    assert_eq!(written["metadata"]["annotations"], json!({"bluegreen.rs/stamp": "1.2/a"}));
    assert_eq!(written["spec"]["selector"], json!({"app": "checkout", "color": "green"}));
}

async fn a_test_that_fails_changes_nothing_and_says_nothing(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    let patch = json!([
        {"op": "add", "path": "/spec/selector/color", "value": "green"},
        {"op": "test", "path": "/spec/selector/app", "value": "other"},
    ]);
    let details = place.json_patch("services/checkout", &patch).await.refused(422, "Invalid", REJECTED);
    assert_eq!(details, json!({}));
    assert_eq!(place.get("services/checkout").await.ok(), made);
}

async fn a_test_of_a_path_that_is_missing_fails_alike(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    for path in ["/data/missing", "/metadata/annotations/missing", "/nothing"] {
        let patch = json!([{"op": "test", "path": path, "value": "x"}]);
        place.json_patch("configmaps/a", &patch).await.refused(422, "Invalid", REJECTED);
    }
    // What is missing is null.
    let patch = json!([{"op": "test", "path": "/data/missing", "value": null}]);
    place.json_patch("configmaps/a", &patch).await.ok();
}

async fn a_test_of_the_version_is_a_compare_and_set(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = |version: &str, n: &str| {
        json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/data/n", "value": n},
        ])
    };
    let written = place.json_patch("configmaps/a", &patch(&version(&made), "1")).await.ok();
    place.json_patch("configmaps/a", &patch(&version(&made), "2")).await.refused(422, "Invalid", REJECTED);
    assert_eq!(place.get("configmaps/a").await.ok(), written);
}

async fn a_value_is_compared_as_a_whole(place: &Place) {
    place.create("services", &service()).await.ok();
    let patch = json!([{"op": "test", "path": "/spec/selector", "value": {"color": "blue"}}]);
    place.json_patch("services/checkout", &patch).await.refused(422, "Invalid", REJECTED);
    let patch = json!([{"op": "test", "path": "/spec/ports/0/port", "value": 80}]);
    place.json_patch("services/checkout", &patch).await.ok();
}

async fn an_addition_without_its_parent_fails(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!([{"op": "add", "path": "/metadata/annotations/a", "value": "x"}]);
    place.json_patch("configmaps/a", &patch).await.refused(422, "Invalid", REJECTED);
    assert_eq!(place.get("configmaps/a").await.ok(), made);
    let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": {"a": "x"}}]);
    let written = place.json_patch("configmaps/a", &patch).await.ok();
    assert_eq!(written["metadata"]["annotations"], json!({"a": "x"}));
}

async fn an_addition_replaces_what_is_there(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!([
        {"op": "add", "path": "/data/n", "value": "1"},
        {"op": "add", "path": "/data/m", "value": ""},
        {"op": "remove", "path": "/data/m"},
    ]);
    assert_eq!(place.json_patch("configmaps/a", &patch).await.ok()["data"], json!({"n": "1"}));
}

async fn a_removal_of_what_is_missing_fails(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!([{"op": "remove", "path": "/data/missing"}]);
    place.json_patch("configmaps/a", &patch).await.refused(422, "Invalid", REJECTED);
}

async fn a_replacement_of_what_is_missing_adds_it(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!([{"op": "replace", "path": "/data/missing", "value": "1"}]);
    assert_eq!(place.json_patch("configmaps/a", &patch).await.ok()["data"], json!({"n": "0", "missing": "1"}));
    // Its parent has to be there.
    let patch = json!([{"op": "replace", "path": "/metadata/annotations/a", "value": "1"}]);
    place.json_patch("configmaps/a", &patch).await.refused(422, "Invalid", REJECTED);
}

async fn a_slash_in_a_name_is_escaped(place: &Place) {
    let mut made = config_map("a", json!({"n": "0"}));
    made["metadata"]["annotations"] = json!({"a/b": "1"});
    place.create("configmaps", &made).await.ok();
    let patch = json!([{"op": "replace", "path": "/metadata/annotations/a~1b", "value": "3"}]);
    let written = place.json_patch("configmaps/a", &patch).await.ok();
    assert_eq!(written["metadata"]["annotations"], json!({"a/b": "3"}));
}

async fn what_is_moved_or_copied_arrives(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0", "m": "1"}))).await.ok();
    let patch = json!([
        {"op": "move", "from": "/data/n", "path": "/data/moved"},
        {"op": "copy", "from": "/data/m", "path": "/data/copied"},
    ]);
    let written = place.json_patch("configmaps/a", &patch).await.ok();
    assert_eq!(written["data"], json!({"moved": "0", "m": "1", "copied": "1"}));
}

async fn the_identity_of_an_object_cannot_be_patched(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!([{"op": "replace", "path": "/metadata/name", "value": "b"}]);
    place.json_patch("configmaps/a", &patch).await.refused(
        400,
        "BadRequest",
        "the name of the object (b) does not match the name on the URL (a)",
    );
}

async fn a_body_that_is_no_patch_is_a_bad_request(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let answer = place.json_patch("configmaps/a", &json!({"data": {}})).await;
    assert_eq!((answer.code, &answer.body["reason"]), (400, &json!("BadRequest")), "{answer:?}");
}
