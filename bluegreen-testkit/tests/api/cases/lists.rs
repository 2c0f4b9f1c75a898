//! Lists, and what selects from them.

use serde_json::{Value, json};

use crate::answer::{items, name, names, version};
use crate::manifests::{config_map, pod, service};
use crate::place::Place;

super::cases![
    a_list_has_a_version_and_items_without_a_kind,
    labels_select_by_equality,
    labels_select_by_sets,
    labels_select_by_existence,
    an_unreadable_selector_is_a_bad_request,
    fields_select_by_name,
    fields_select_pods_by_phase_and_node,
    fields_select_events_by_what_they_are_about,
    an_unknown_field_is_a_bad_request,
    a_list_comes_in_pages,
    a_page_shows_the_list_as_it_was,
    an_unreadable_page_is_a_bad_request,
    all_namespaces_are_listed_together,
];

/// ConfigMaps a to d with labels.
async fn make(place: &Place) {
    let labels = [
        ("a", json!({"color": "blue", "tier": "web"})),
        ("b", json!({"color": "green", "tier": "web"})),
        ("c", json!({"color": "red"})),
        ("d", json!({})),
    ];
    for (name, labels) in labels {
        let mut object = config_map(name, json!({}));
        object["metadata"]["labels"] = labels;
        place.create("configmaps", &object).await.ok();
    }
}

/// The names of the ConfigMaps that a query selects, those that the server makes aside.
async fn selected(place: &Place, query: &str) -> Vec<String> {
    let mut names = names(&place.get(&format!("configmaps?{query}")).await.ok());
    names.retain(|name| name != "kube-root-ca.crt");
    names
}

async fn a_list_has_a_version_and_items_without_a_kind(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    let list = place.get("services").await.ok_with(200);
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("ServiceList")));
    assert!(!version(&list).is_empty());
    let mut item = items(&list)[0].clone();
    assert_eq!((item.get("kind"), item.get("apiVersion")), (None, None));
    item["kind"] = json!("Service");
    item["apiVersion"] = json!("v1");
    assert_eq!(item, made);
    let empty = place.get("deployments").await.ok();
    assert_eq!((&empty["apiVersion"], &empty["kind"]), (&json!("apps/v1"), &json!("DeploymentList")));
    assert_eq!(empty["items"], json!([]));
}

async fn labels_select_by_equality(place: &Place) {
    make(place).await;
    assert_eq!(selected(place, "labelSelector=color=blue").await, ["a"]);
    assert_eq!(selected(place, "labelSelector=color==blue,tier=web").await, ["a"]);
    assert_eq!(selected(place, "labelSelector=color!=blue").await, ["b", "c", "d"]);
    assert_eq!(selected(place, "labelSelector=color%3Dgreen%2Ctier%3Dweb").await, ["b"]);
    assert_eq!(selected(place, "labelSelector=").await, ["a", "b", "c", "d"]);
}

async fn labels_select_by_sets(place: &Place) {
    make(place).await;
    assert_eq!(selected(place, "labelSelector=color in (blue,green)").await, ["a", "b"]);
    assert_eq!(selected(place, "labelSelector=color notin (blue, green)").await, ["c", "d"]);
    assert_eq!(selected(place, "labelSelector=color in (blue,red),tier").await, ["a"]);
}

async fn labels_select_by_existence(place: &Place) {
    make(place).await;
    assert_eq!(selected(place, "labelSelector=tier").await, ["a", "b"]);
    assert_eq!(selected(place, "labelSelector=!tier").await, ["c", "d"]);
    assert_eq!(selected(place, "labelSelector=!tier,color").await, ["c"]);
}

async fn an_unreadable_selector_is_a_bad_request(place: &Place) {
    let answer = place.get("configmaps?labelSelector=color in blue").await;
    assert_eq!((answer.code, &answer.body["reason"]), (400, &json!("BadRequest")), "{answer:?}");
}

async fn fields_select_by_name(place: &Place) {
    make(place).await;
    assert_eq!(selected(place, "fieldSelector=metadata.name=b").await, ["b"]);
    assert_eq!(selected(place, "fieldSelector=metadata.name==b&labelSelector=color=blue").await, [""; 0]);
    assert_eq!(selected(place, "fieldSelector=metadata.name!=b,metadata.name!=c").await, ["a", "d"]);
    let ours = format!("fieldSelector=metadata.namespace={}", place.namespace);
    assert_eq!(selected(place, &ours).await.len(), 4);
}

async fn fields_select_pods_by_phase_and_node(place: &Place) {
    let mut asked = pod("a");
    asked["spec"]["schedulerName"] = json!("nobody");
    place.create("pods", &asked).await.ok();
    let found = async |query: &str| names(&place.get(&format!("pods?fieldSelector={query}")).await.ok());
    assert_eq!(found("status.phase=Pending").await, ["a"]);
    assert_eq!(found("status.phase!=Pending").await, [""; 0]);
    assert_eq!(found("spec.nodeName=").await, ["a"]);
    assert_eq!(found("spec.nodeName=elsewhere").await, [""; 0]);
}

async fn fields_select_events_by_what_they_are_about(place: &Place) {
    for (event, kind, about) in [("one", "Warning", "a"), ("two", "Normal", "a"), ("three", "Warning", "b")] {
        let event = json!({
            "metadata": {"name": event}, "type": kind, "reason": "R", "message": "m",
            "involvedObject": {"kind": "Pod", "namespace": place.namespace, "name": about},
        });
        place.create("events", &event).await.ok();
    }
    let query = "events?fieldSelector=involvedObject.kind=Pod,involvedObject.name=a,type=Warning";
    assert_eq!(names(&place.get(query).await.ok()), ["one"]);
}

async fn an_unknown_field_is_a_bad_request(place: &Place) {
    place.get("configmaps?fieldSelector=data.n=0").await.refused(
        400,
        "BadRequest",
        "\"data.n\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
    );
}

async fn a_list_comes_in_pages(place: &Place) {
    make(place).await;
    let query = "configmaps?labelSelector=color&limit=2";
    let first = place.get(query).await.ok();
    assert_eq!(items(&first).iter().map(name).collect::<Vec<_>>(), ["a", "b"]);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = place.get(&format!("{query}&continue={token}")).await.ok();
    assert_eq!(items(&second).iter().map(name).collect::<Vec<_>>(), ["c"]);
    assert_eq!(second["metadata"].get("continue"), None);
    assert_eq!(version(&second), version(&first));
    let whole = place.get("configmaps?labelSelector=color&limit=3").await.ok();
    assert_eq!(items(&whole).len(), 3);
}

async fn a_page_shows_the_list_as_it_was(place: &Place) {
    make(place).await;
    let first = place.get("configmaps?labelSelector=color&limit=2").await.ok();
    place.delete("configmaps/c").await.ok();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = place.get(&format!("configmaps?labelSelector=color&limit=2&continue={token}")).await.ok();
    assert_eq!(items(&second).iter().map(name).collect::<Vec<_>>(), ["c"]);
}

async fn an_unreadable_page_is_a_bad_request(place: &Place) {
    let answer = place.get("configmaps?limit=2&continue=abc").await;
    assert_eq!((answer.code, &answer.body["reason"]), (400, &json!("BadRequest")), "{answer:?}");
}

async fn all_namespaces_are_listed_together(place: &Place) {
    place.create("services", &service()).await.ok();
    let everywhere = place.get("/services").await.ok();
    let here = |item: &&Value| item["metadata"]["namespace"] == json!(place.namespace);
    assert_eq!(items(&everywhere).iter().filter(here).map(name).collect::<Vec<_>>(), ["checkout"]);
}
