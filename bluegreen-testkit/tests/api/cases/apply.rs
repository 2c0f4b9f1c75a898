//! Server-side apply.

use serde_json::{Value, json};

use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    an_apply_creates_what_is_missing,
    an_apply_of_the_same_changes_nothing,
    an_apply_adds_to_what_is_there,
    a_field_that_another_holds_is_a_conflict,
    a_conflict_names_every_field_and_manager,
    the_same_value_is_shared_without_a_conflict,
    a_forced_apply_takes_the_field_over,
    a_field_that_is_no_longer_applied_goes,
    a_field_that_another_shares_stays,
    a_field_that_was_not_applied_stays,
    the_selector_of_a_service_is_held_as_a_whole,
    items_of_a_list_are_held_by_their_key,
    a_list_without_a_key_is_held_as_a_whole,
    replicas_that_are_left_out_stay_as_they_were_scaled,
    an_apply_without_a_manager_is_refused,
    an_apply_with_managed_fields_is_refused,
    an_apply_of_another_kind_is_refused,
];

fn replicas(count: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": count}})
}

fn selector(color: &str) -> Value {
    let selector = json!({"app": "checkout", "color": color});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"}, "spec": {"selector": selector}})
}

async fn an_apply_creates_what_is_missing(place: &Place) {
    let made = place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok_with(201);
    assert_eq!(made["data"], json!({"n": "0"}));
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "1"}))).await.ok_with(200);
}

async fn an_apply_of_the_same_changes_nothing(place: &Place) {
    let made = place.apply("services/checkout", "one", &service()).await.ok();
    assert_eq!(place.apply("services/checkout", "one", &service()).await.ok(), made);
}

async fn an_apply_adds_to_what_is_there(place: &Place) {
    place.create("configmaps?fieldManager=maker", &config_map("a", json!({"n": "0"}))).await.ok();
    let written = place.apply("configmaps/a", "one", &config_map("a", json!({"m": "1"}))).await.ok();
    assert_eq!(written["data"], json!({"n": "0", "m": "1"}));
}

async fn a_field_that_another_holds_is_a_conflict(place: &Place) {
    let made = place.create("deployments?fieldManager=maker", &deployment(0)).await.ok();
    let answer = place.apply("deployments/web", "one", &replicas(2)).await;
    let details = answer.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"maker\" using apps/v1: .spec.replicas",
    );
    assert_eq!(
        details,
        json!({"causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"maker\" using apps/v1",
            "field": ".spec.replicas",
        }]})
    );
    let now = place.get("deployments/web").await.ok();
    assert_eq!((&now["spec"], now["metadata"]["generation"].as_u64()), (&made["spec"], Some(1)));
}

async fn a_conflict_names_every_field_and_manager(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"a": "0", "b": "0"}))).await.ok();
    place.apply("configmaps/a", "two", &config_map("a", json!({"c": "0"}))).await.ok();
    let all = config_map("a", json!({"a": "1", "b": "1", "c": "1"}));
    let details = place.apply("configmaps/a", "three", &all).await.refused(
        409,
        "Conflict",
        "Apply failed with 3 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b\nconflicts with \"two\":\n- .data.c",
    );
    let causes = details["causes"].as_array().unwrap().iter();
    let mut causes: Vec<_> = causes.map(|cause| format!("{} {}", cause["message"], cause["field"])).collect();
    causes.sort(); // the server has no order
    assert_eq!(
        causes,
        [
            r#""conflict with \"one\"" ".data.a""#,
            r#""conflict with \"one\"" ".data.b""#,
            r#""conflict with \"two\"" ".data.c""#
        ]
    );
}

async fn the_same_value_is_shared_without_a_conflict(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
    place.apply("configmaps/a", "two", &config_map("a", json!({"n": "0"}))).await.ok();
    let changed = config_map("a", json!({"n": "1"}));
    place.apply("configmaps/a", "one", &changed).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"two\": .data.n",
    );
}

async fn a_forced_apply_takes_the_field_over(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0", "m": "0"}))).await.ok();
    let written = place.force("configmaps/a", "two", &config_map("a", json!({"n": "1"}))).await.ok();
    assert_eq!(written["data"], json!({"n": "1", "m": "0"}));
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "2"}))).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"two\": .data.n",
    );
    // Its former holder doesn't take it away by leaving it out.
    let written = place.apply("configmaps/a", "one", &config_map("a", json!({"m": "0"}))).await.ok();
    assert_eq!(written["data"], json!({"n": "1", "m": "0"}));
}

async fn a_field_that_is_no_longer_applied_goes(place: &Place) {
    let mut first = config_map("a", json!({"n": "0", "m": "0"}));
    first["metadata"]["annotations"] = json!({"a": "1", "b": "2"});
    place.apply("configmaps/a", "one", &first).await.ok();
    let mut second = config_map("a", json!({"m": "0"}));
    second["metadata"]["annotations"] = json!({"b": "2"});
    let written = place.apply("configmaps/a", "one", &second).await.ok();
    assert_eq!(written["data"], json!({"m": "0"}));
    assert_eq!(written["metadata"]["annotations"], json!({"b": "2"}));
}

async fn a_field_that_another_shares_stays(place: &Place) {
    place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0", "m": "0"}))).await.ok();
    place.apply("configmaps/a", "two", &config_map("a", json!({"n": "0"}))).await.ok();
    let written = place.apply("configmaps/a", "one", &config_map("a", json!({"m": "0"}))).await.ok();
    assert_eq!(written["data"], json!({"n": "0", "m": "0"}));
    let written = place.apply("configmaps/a", "two", &config_map("a", json!({}))).await.ok();
    assert_eq!(written["data"], json!({"m": "0"}));
}

async fn a_field_that_was_not_applied_stays(place: &Place) {
    place.create("configmaps?fieldManager=maker", &config_map("a", json!({"n": "0"}))).await.ok();
    place.apply("configmaps/a", "one", &config_map("a", json!({"m": "0"}))).await.ok();
    let written = place.apply("configmaps/a", "one", &config_map("a", json!({}))).await.ok();
    assert_eq!(written["data"], json!({"n": "0"}));
}

async fn the_selector_of_a_service_is_held_as_a_whole(place: &Place) {
    place.apply("services/checkout", "one", &service()).await.ok();
    place.apply("services/checkout", "two", &selector("green")).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"one\": .spec.selector",
    );
    let patch = json!({"spec": {"selector": {"color": "green"}}});
    place.merge("services/checkout?fieldManager=two", &patch).await.ok();
    place.apply("services/checkout", "one", &service()).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"two\" using v1: .spec.selector",
    );
    // Without a conflict it is replaced, not merged.
    let mut whole = service();
    whole["spec"]["selector"] = json!({"only": "this"});
    let written = place.force("services/checkout", "one", &whole).await.ok();
    assert_eq!(written["spec"]["selector"], json!({"only": "this"}));
}

async fn items_of_a_list_are_held_by_their_key(place: &Place) {
    place.apply("deployments/web", "one", &deployment(0)).await.ok();
    let with_env = |env: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "env": env}]}}},
        })
    };
    let two = with_env(json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]));
    let written = place.apply("deployments/web", "two", &two).await.ok();
    let container = |written: &Value| written["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container(&written)["env"], json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]));
    assert_eq!(container(&written)["image"], deployment(0)["spec"]["template"]["spec"]["containers"][0]["image"]);
    let other = with_env(json!([{"name": "B", "value": "3"}]));
    place.apply("deployments/web", "three", &other).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"two\": \
         .spec.template.spec.containers[name=\"app\"].env[name=\"B\"].value",
    );
    let less = with_env(json!([{"name": "B", "value": "2"}]));
    let written = place.apply("deployments/web", "two", &less).await.ok();
    assert_eq!(container(&written)["env"], json!([{"name": "B", "value": "2"}]));
}

async fn a_list_without_a_key_is_held_as_a_whole(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a"]);
    place.apply("deployments/web", "one", &web).await.ok();
    web["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a", "b"]);
    place.apply("deployments/web", "two", &web).await.refused(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"one\": .spec.template.spec.containers[name=\"app\"].args",
    );
}

async fn replicas_that_are_left_out_stay_as_they_were_scaled(place: &Place) {
    let mut web = deployment(0);
    web["spec"].as_object_mut().unwrap().remove("replicas");
    web["spec"]["paused"] = json!(true);
    place.apply("deployments/web", "one", &web).await.ok();
    place.merge("deployments/web?fieldManager=scaler", &json!({"spec": {"replicas": 0}})).await.ok();
    let written = place.apply("deployments/web", "one", &web).await.ok();
    assert_eq!(written["spec"]["replicas"], 0);
}

async fn an_apply_without_a_manager_is_refused(place: &Place) {
    let patch = config_map("a", json!({}));
    let body = Some(("application/apply-patch+yaml", &patch));
    let details = place.send(http::Method::PATCH, "configmaps/a", body).await.refused(
        422,
        "Invalid",
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
    );
    assert_eq!(details["causes"][0]["field"], "fieldManager");
}

async fn an_apply_with_managed_fields_is_refused(place: &Place) {
    let made = place.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
    place.apply("configmaps/a", "one", &made).await.refused(400, "BadRequest", "metadata.managedFields must be nil");
}

async fn an_apply_of_another_kind_is_refused(place: &Place) {
    let answer = place.apply("configmaps/checkout", "one", &service()).await;
    assert_eq!((answer.code, &answer.body["reason"]), (400, &json!("BadRequest")), "{answer:?}");
}
