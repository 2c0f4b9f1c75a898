//! Who wrote what, as objects remember it.

use serde_json::{Value, json};

use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    a_creation_is_an_update_by_its_manager,
    a_patch_takes_what_it_changes,
    a_put_takes_what_it_changes,
    an_entry_has_a_time_once_it_has_changed_something,
    a_field_that_is_removed_is_nobodys,
    an_apply_is_an_entry_of_its_own,
    an_apply_shares_what_it_does_not_change,
    a_scale_is_written_for_the_subresource,
    a_status_is_written_for_the_subresource,
    the_same_value_again_leaves_the_holder,
    a_manager_without_a_name_is_named_by_its_program,
    an_entry_can_be_taken_away,
    who_clears_the_list_starts_over,
];

/// The entries of an object: operation, manager, subresource if any, and fields.
fn entries(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            assert_eq!((&entry["apiVersion"], &entry["fieldsType"]), (&object["apiVersion"], &json!("FieldsV1")));
            let who =
                format!("{} {} {}", text(&entry["operation"]), text(&entry["manager"]), text(&entry["subresource"]));
            (who.trim_end().to_owned(), entry["fieldsV1"].clone())
        })
        .collect();
    entries.sort_by(|one, two| one.0.cmp(&two.0));
    entries
}

#[track_caller]
fn assert_entries(object: &Value, expected: &[(&str, Value)]) {
    let expected: Vec<_> = expected.iter().map(|(who, fields)| ((*who).to_owned(), fields.clone())).collect();
    assert_eq!(entries(object), expected);
}

async fn a_creation_is_an_update_by_its_manager(place: &Place) {
    let made = place.create("services?fieldManager=maker", &service()).await.ok();
    let fields = json!({"f:spec": {
        "f:internalTrafficPolicy": {},
        "f:ports": {
            ".": {},
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {
                ".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {},
            },
        },
        "f:selector": {}, "f:sessionAffinity": {}, "f:type": {},
    }});
    assert_entries(&made, &[("Update maker", fields)]);
}

async fn a_patch_takes_what_it_changes(place: &Place) {
    place.create("configmaps?fieldManager=maker", &config_map("a", json!({"n": "0", "m": "0"}))).await.ok();
    let patch = json!({"metadata": {"annotations": {"a/b": "1"}}, "data": {"n": "1", "m": "0"}});
    let written = place.merge("configmaps/a?fieldManager=patcher", &patch).await.ok();
    let (rest, mine) = (
        json!({"f:data": {".": {}, "f:m": {}}}),
        json!({"f:data": {"f:n": {}}, "f:metadata": {"f:annotations": {".": {}, "f:a/b": {}}}}),
    );
    assert_entries(&written, &[("Update maker", rest.clone()), ("Update patcher", mine)]);
    let patch = json!([{"op": "replace", "path": "/data/n", "value": "2"}]);
    let written = place.json_patch("configmaps/a?fieldManager=third", &patch).await.ok();
    let second = json!({"f:metadata": {"f:annotations": {".": {}, "f:a/b": {}}}});
    let third = json!({"f:data": {"f:n": {}}});
    assert_entries(&written, &[("Update maker", rest), ("Update patcher", second), ("Update third", third)]);
}

async fn a_put_takes_what_it_changes(place: &Place) {
    let mut made =
        place.create("configmaps?fieldManager=maker", &config_map("a", json!({"n": "0", "m": "0"}))).await.ok();
    made["data"] = json!({"n": "1", "m": "0"});
    let written = place.put("configmaps/a?fieldManager=putter", &made).await.ok();
    let (rest, mine) = (json!({"f:data": {".": {}, "f:m": {}}}), json!({"f:data": {"f:n": {}}}));
    assert_entries(&written, &[("Update maker", rest), ("Update putter", mine)]);
}

async fn an_entry_has_a_time_once_it_has_changed_something(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
    let written = place.apply("configmaps/a", "two", &config_map("a", json!({"n": "0"}))).await.ok();
    let time = |object: &Value, manager: &str| {
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        entries.iter().find(|entry| entry["manager"] == manager).unwrap()["time"].clone()
    };
    assert_eq!(time(&written, "one"), written["metadata"]["creationTimestamp"]);
    assert_eq!(time(&written, "two"), Value::Null);
    let written = place.apply("configmaps/a", "two", &config_map("a", json!({"n": "0", "m": "1"}))).await.ok();
    assert!(time(&written, "two").is_string());
}

async fn a_field_that_is_removed_is_nobodys(place: &Place) {
    place.create("configmaps?fieldManager=maker", &config_map("a", json!({"n": "0", "m": "0"}))).await.ok();
    let written = place.merge("configmaps/a?fieldManager=patcher", &json!({"data": {"n": null}})).await.ok();
    assert_entries(&written, &[("Update maker", json!({"f:data": {".": {}, "f:m": {}}}))]);
    let written = place.merge("configmaps/a?fieldManager=patcher", &json!({"data": null})).await.ok();
    assert_eq!(written["metadata"].get("managedFields"), None);
}

async fn an_apply_is_an_entry_of_its_own(place: &Place) {
    place.create("configmaps?fieldManager=same", &config_map("a", json!({"n": "0"}))).await.ok();
    let written = place.apply("configmaps/a", "same", &config_map("a", json!({"m": "0"}))).await.ok();
    let (made, applied) = (json!({"f:data": {".": {}, "f:n": {}}}), json!({"f:data": {"f:m": {}}}));
    assert_entries(&written, &[("Apply same", applied), ("Update same", made)]);
}

async fn an_apply_shares_what_it_does_not_change(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0", "m": "0"}))).await.ok();
    let written = place.apply("configmaps/a", "two", &config_map("a", json!({"n": "0"}))).await.ok();
    let (one, two) = (json!({"f:data": {"f:m": {}, "f:n": {}}}), json!({"f:data": {"f:n": {}}}));
    assert_entries(&written, &[("Apply one", one), ("Apply two", two)]);
    let written = place.merge("configmaps/a?fieldManager=patcher", &json!({"data": {"n": "1"}})).await.ok();
    let one = json!({"f:data": {"f:m": {}}});
    assert_entries(&written, &[("Apply one", one), ("Update patcher", json!({"f:data": {"f:n": {}}}))]);
}

async fn a_scale_is_written_for_the_subresource(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["paused"] = json!(true);
    place.apply("deployments/web", "one", &web).await.ok();
    place.merge("deployments/web/scale?fieldManager=scaler", &json!({"spec": {"replicas": 1}})).await.ok();
    let written = place.get("deployments/web").await.ok();
    let scaler = entries(&written).into_iter().find(|(who, _)| who == "Update scaler scale");
    assert_eq!(scaler.unwrap().1, json!({"f:spec": {"f:replicas": {}}}));
    let one = entries(&written).into_iter().find(|(who, _)| who == "Apply one").unwrap();
    assert_eq!(one.1["f:spec"].get("f:replicas"), None);
    place.apply("deployments/web", "one", &web).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\" using apps/v1: .spec.replicas",
    );
}

async fn a_status_is_written_for_the_subresource(place: &Place) {
    let made = place.create("services?fieldManager=maker", &service()).await.ok();
    let status = json!({"status": {"conditions": [{
        "type": "Ready", "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    let written = place.merge("services/checkout/status?fieldManager=teller", &status).await.ok();
    let fields = json!({"f:status": {"f:conditions": {
        ".": {},
        "k:{\"type\":\"Ready\"}": {
            ".": {}, "f:lastTransitionTime": {}, "f:message": {}, "f:reason": {}, "f:status": {}, "f:type": {},
        },
    }}});
    let maker = entries(&made).remove(0).1;
    assert_entries(&written, &[("Update maker", maker), ("Update teller status", fields)]);
}

async fn the_same_value_again_leaves_the_holder(place: &Place) {
    let made = place.create("configmaps?fieldManager=maker", &config_map("a", json!({"n": "0"}))).await.ok();
    let same = place.merge("configmaps/a?fieldManager=other", &json!({"data": {"n": "0"}})).await.ok();
    assert_eq!(same, made);
}

async fn a_manager_without_a_name_is_named_by_its_program(place: &Place) {
    let patch = config_map("a", json!({"n": "0"}));
    let body = Some(("application/json", &patch));
    let made = place.send_as("checker/1.2 (linux)", http::Method::POST, "configmaps", body).await.ok();
    assert_entries(&made, &[("Update checker", json!({"f:data": {".": {}, "f:n": {}}}))]);
}

async fn an_entry_can_be_taken_away(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
    let mut live = place.apply("configmaps/a", "two", &config_map("a", json!({"n": "0"}))).await.ok();
    live["metadata"]["managedFields"].as_array_mut().unwrap().retain(|entry| entry["manager"] == "two");
    let written = place.put("configmaps/a?fieldManager=three", &live).await.ok();
    assert_entries(&written, &[("Apply two", json!({"f:data": {"f:n": {}}}))]);
}

async fn who_clears_the_list_starts_over(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!({"metadata": {"managedFields": [{}]}});
    let written = place.merge("configmaps/a?fieldManager=clearer", &patch).await.ok();
    assert_eq!(written["metadata"].get("managedFields"), None);
    let written = place.apply("configmaps/a", "two", &config_map("a", json!({"m": "0"}))).await.ok();
    assert_entries(
        &written,
        &[
            ("Apply two", json!({"f:data": {"f:m": {}}})),
            ("Update before-first-apply", json!({"f:data": {".": {}, "f:n": {}}})),
        ],
    );
}
