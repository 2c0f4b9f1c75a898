//! Merge patches (RFC 7386) and strategic merge patches.

use serde_json::{Value, json};

use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    a_merge_patch_sets_keeps_and_removes,
    a_merge_patch_makes_the_map_of_annotations,
    a_merge_patch_replaces_lists,
    a_merge_patch_of_what_is_missing_is_not_found,
    a_merge_patch_that_makes_an_object_invalid_names_the_field,
    a_strategic_patch_merges_containers_and_their_variables_by_name,
    a_strategic_patch_deletes_items_and_keys_on_demand,
    a_strategic_patch_replaces_lists_without_a_key,
    a_strategic_patch_merges_service_ports_by_number,
    a_strategic_patch_merges_the_selector_of_a_service,
    a_strategic_patch_tolerates_the_order_of_its_items,
    a_strategic_patch_replaces_a_map_on_demand,
    a_patch_of_an_unknown_type_is_refused,
];

async fn a_merge_patch_sets_keeps_and_removes(place: &Place) {
    let mut made = config_map("a", json!({"kept": "0", "changed": "1", "removed": "2"}));
    made["metadata"]["annotations"] = json!({"a": "1", "b": "2"});
    place.create("configmaps", &made).await.ok();
    let patch = json!({
        "metadata": {"annotations": {"a": null, "missing": null}},
        "data": {"changed": "x", "removed": null, "added": "y"},
    });
    let written = place.merge("configmaps/a", &patch).await.ok();
    assert_eq!(written["data"], json!({"kept": "0", "changed": "x", "added": "y"}));
    assert_eq!(written["metadata"]["annotations"], json!({"b": "2"}));
    let written = place.merge("configmaps/a", &json!({"data": null})).await.ok();
    assert_eq!(written.get("data"), None);
}

async fn a_merge_patch_makes_the_map_of_annotations(place: &Place) {
    place.create("services", &service()).await.ok();
    let written = place.merge("services/checkout", &json!({"metadata": {"annotations": {"a": "1"}}})).await.ok();
    assert_eq!(written["metadata"]["annotations"], json!({"a": "1"}));
    let written = place.merge("services/checkout", &json!({"metadata": {"annotations": {"a": null}}})).await.ok();
    assert_eq!(written["metadata"].get("annotations"), None);
}

async fn a_merge_patch_replaces_lists(place: &Place) {
    place.create("services", &service()).await.ok();
    let patch = json!({"spec": {"ports": [{"name": "admin", "port": 81}]}});
    let written = place.merge("services/checkout", &patch).await.ok();
    let ports = json!([{"name": "admin", "port": 81, "protocol": "TCP", "targetPort": 81}]);
    assert_eq!(written["spec"]["ports"], ports);
}

async fn a_merge_patch_of_what_is_missing_is_not_found(place: &Place) {
    let details = place.merge("deployments/web", &json!({"spec": {"replicas": 1}})).await.refused(
        404,
        "NotFound",
        "deployments.apps \"web\" not found",
    );
    assert_eq!(details, json!({"name": "web", "group": "apps", "kind": "deployments"}));
}

async fn a_merge_patch_that_makes_an_object_invalid_names_the_field(place: &Place) {
    place.create("services", &service()).await.ok();
    let details = place.merge("services/checkout", &json!({"spec": {"ports": null}})).await.refused(
        422,
        "Invalid",
        "Service \"checkout\" is invalid: spec.ports: Required value",
    );
    assert_eq!(
        details,
        json!({
            "name": "checkout", "kind": "Service",
            "causes": [{"reason": "FieldValueRequired", "message": "Required value", "field": "spec.ports"}],
        })
    );
}

/// The containers of the pods of `web`: name, image and variables.
fn containers(deployment: &Value) -> Value {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().unwrap().iter();
    containers.map(|one| json!([one["name"], one["image"], one["env"]])).collect()
}

fn containers_patch(containers: Value) -> Value {
    json!({"spec": {"template": {"spec": {"containers": containers}}}})
}

/// A Deployment `web` with a container `app`, of image `one`, that has the variables A and B.
async fn make_web(place: &Place) {
    let mut web = deployment(0);
    let container = &mut web["spec"]["template"]["spec"]["containers"][0];
    container["image"] = json!("one");
    container["env"] = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    place.create("deployments", &web).await.ok();
}

async fn a_strategic_patch_merges_containers_and_their_variables_by_name(place: &Place) {
    make_web(place).await;
    let patch = containers_patch(json!([
        {"name": "sidecar", "image": "two"},
        {"name": "app", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
    ]));
    let written = place.strategic("deployments/web", &patch).await.ok();
    let variables = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"}]);
    assert_eq!(containers(&written), json!([["sidecar", "two", null], ["app", "one", variables]]));
}

async fn a_strategic_patch_deletes_items_and_keys_on_demand(place: &Place) {
    make_web(place).await;
    let patch = containers_patch(json!([{"name": "app", "env": [{"name": "A", "$patch": "delete"}]}]));
    let written = place.strategic("deployments/web", &patch).await.ok();
    assert_eq!(containers(&written), json!([["app", "one", [{"name": "B", "value": "2"}]]]));
    let patch = json!({"spec": {"template": {"metadata": {"labels": {"extra": "1"}}}}});
    place.strategic("deployments/web", &patch).await.ok();
    let patch = json!({"spec": {"template": {"metadata": {"labels": {"extra": null}}}}});
    let written = place.strategic("deployments/web", &patch).await.ok();
    assert_eq!(written["spec"]["template"]["metadata"]["labels"], json!({"app": "web"}));
}

async fn a_strategic_patch_replaces_lists_without_a_key(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a", "b"]);
    place.create("deployments", &web).await.ok();
    let patch = containers_patch(json!([{"name": "app", "args": ["c"]}]));
    let written = place.strategic("deployments/web", &patch).await.ok();
    assert_eq!(written["spec"]["template"]["spec"]["containers"][0]["args"], json!(["c"]));
}

async fn a_strategic_patch_merges_service_ports_by_number(place: &Place) {
    place.create("services", &service()).await.ok();
    let patch = json!({"spec": {"ports": [{"name": "admin", "port": 81}, {"port": 80, "targetPort": "web"}]}});
    let written = place.strategic("services/checkout", &patch).await.ok();
    let ports = json!([
        {"name": "admin", "port": 81, "protocol": "TCP", "targetPort": 81},
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "web"},
    ]);
    assert_eq!(written["spec"]["ports"], ports);
}

async fn a_strategic_patch_merges_the_selector_of_a_service(place: &Place) {
    place.create("services", &service()).await.ok();
    let patch = json!({"spec": {"selector": {"color": "green"}}});
    let written = place.strategic("services/checkout", &patch).await.ok();
    assert_eq!(written["spec"]["selector"], json!({"app": "checkout", "color": "green"}));
}

async fn a_strategic_patch_tolerates_the_order_of_its_items(place: &Place) {
    make_web(place).await;
    let patch = json!({"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "app"}],
        "containers": [{
            "name": "app", "$setElementOrder/env": [{"name": "B"}, {"name": "A"}], "env": [{"name": "A", "value": "5"}],
        }],
    }}}});
    let written = place.strategic("deployments/web", &patch).await.ok();
    let variables = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "5"}]);
    assert_eq!(containers(&written), json!([["app", "one", variables]]));
}

async fn a_strategic_patch_replaces_a_map_on_demand(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0", "m": "1"}))).await.ok();
    let patch = json!({"data": {"$patch": "replace", "only": "2"}});
    assert_eq!(place.strategic("configmaps/a", &patch).await.ok()["data"], json!({"only": "2"}));
}

async fn a_patch_of_an_unknown_type_is_refused(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let patch = json!({"data": {"n": "1"}});
    let answer = place.send(http::Method::PATCH, "configmaps/a", Some(("application/json", &patch))).await;
    answer.refused(415, "UnsupportedMediaType", "415: Unsupported Media Type");
}
