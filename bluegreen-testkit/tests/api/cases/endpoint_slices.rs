//! EndpointSlices, which follow the selector of a Service and the readiness of pods.

use serde_json::{Value, json};

use crate::answer::{condition, name, uid, version};
use crate::manifests::{pod, service, unready_pod};
use crate::place::Place;

super::cases![
    a_service_leads_to_the_pods_that_it_selects,
    a_service_that_selects_nothing_has_an_empty_slice,
    a_service_without_a_selector_has_no_slices,
    another_selector_changes_the_same_slice_at_once,
    a_pod_that_is_not_ready_is_listed_as_such,
    a_pod_that_ends_is_listed_while_it_serves,
    an_unready_pod_can_be_published,
    ports_are_those_of_the_pods,
    a_port_without_a_pod_that_has_it_leads_nowhere,
    a_slice_goes_with_its_service,
    a_slice_that_is_deleted_is_made_again,
    labels_of_a_service_are_those_of_its_slices,
];

const SLICES: &str = "endpointslices?labelSelector=kubernetes.io/service-name=checkout";

/// A Pod of a color, with a port named `web`.
fn colored(color: &str) -> Value {
    let mut pod = pod(color);
    pod["metadata"]["labels"] = json!({"app": "checkout", "color": color});
    pod["spec"]["containers"][0]["ports"] = json!([{"name": "web", "containerPort": 8080}]);
    pod
}

async fn ready(place: &Place, name: &str) -> Value {
    let is_ready = |pod: &Value| condition(pod, "Ready")["status"] == "True";
    place.until_one(&format!("pods/{name}"), "ready", is_ready).await
}

fn endpoints(slice: &Value) -> &[Value] {
    slice["endpoints"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The uids of what the slices lead to.
fn uids(slices: &[Value]) -> Vec<String> {
    let uid = |endpoint: &Value| endpoint["targetRef"]["uid"].as_str().unwrap_or_default().to_owned();
    slices.iter().flat_map(endpoints).map(uid).collect()
}

fn is_ready(endpoint: &Value) -> bool {
    endpoint["conditions"]["ready"] == true
}

/// Follows the slices of the Service until they lead to exactly this pod.
async fn leads_to(place: &Place, pod: &Value) -> Value {
    let only = |slices: &[Value]| uids(slices) == [uid(pod)] && slices.iter().flat_map(endpoints).all(is_ready);
    let slices = place.until(SLICES, "leading to the pod", only).await;
    assert_eq!(slices.len(), 1, "{slices:#?}");
    slices.into_iter().next().unwrap()
}

async fn a_service_leads_to_the_pods_that_it_selects(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    place.create("pods", &colored("blue")).await.ok();
    place.create("pods", &colored("green")).await.ok();
    let blue = ready(place, "blue").await;
    let slice = leads_to(place, &blue).await;
    assert_eq!(slice["addressType"], "IPv4");
    assert_eq!(
        slice["endpoints"],
        json!([{
            "addresses": [blue["status"]["podIP"]],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": blue["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", "namespace": place.namespace, "name": "blue", "uid": uid(&blue)},
        }])
    );
    assert_eq!(slice["ports"], json!([{"name": "http", "port": 8080, "protocol": "TCP"}]));
    let metadata = &slice["metadata"];
    assert_eq!((&metadata["generateName"], name(&slice).starts_with("checkout-")), (&json!("checkout-"), true));
    assert_eq!(
        metadata["labels"],
        json!({
            "kubernetes.io/service-name": "checkout",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        })
    );
    assert_eq!(
        metadata["ownerReferences"],
        json!([{
            "apiVersion": "v1", "kind": "Service", "name": "checkout", "uid": uid(&made), "controller": true,
            "blockOwnerDeletion": true,
        }])
    );
    assert!(metadata["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"].is_string());
    assert!(metadata["generation"].as_u64().is_some());
}

async fn a_service_that_selects_nothing_has_an_empty_slice(place: &Place) {
    place.create("services", &service()).await.ok();
    let slices = place.until(SLICES, "there", |slices| !slices.is_empty()).await;
    assert_eq!((slices.len(), &slices[0]["endpoints"], &slices[0]["ports"]), (1, &Value::Null, &Value::Null));
}

async fn a_service_without_a_selector_has_no_slices(place: &Place) {
    place.create("pods", &colored("blue")).await.ok();
    let mut plain = service();
    plain["spec"].as_object_mut().unwrap().remove("selector");
    plain["metadata"]["name"] = json!("plain");
    place.create("services", &plain).await.ok();
    place.create("services", &service()).await.ok();
    leads_to(place, &ready(place, "blue").await).await;
    let slices = place.get("endpointslices?labelSelector=kubernetes.io/service-name=plain").await.ok();
    assert_eq!(slices["items"], json!([]));
    // One that loses its selector keeps its slice as it is.
    let slice = place.get(SLICES).await.ok()["items"][0].clone();
    place.merge("services/checkout", &json!({"spec": {"selector": null}})).await.ok();
    let mut later = service();
    later["metadata"]["name"] = json!("later");
    place.create("services", &later).await.ok();
    let of_later = "endpointslices?labelSelector=kubernetes.io/service-name=later";
    place.until(of_later, "there", |slices| !uids(slices).is_empty()).await;
    let kept = place.get(&format!("endpointslices/{}", name(&slice))).await.ok();
    assert_eq!(kept["endpoints"], slice["endpoints"]);
}

async fn another_selector_changes_the_same_slice_at_once(place: &Place) {
    place.create("services", &service()).await.ok();
    for color in ["blue", "green"] {
        place.create("pods", &colored(color)).await.ok();
    }
    let (blue, green) = (ready(place, "blue").await, ready(place, "green").await);
    let before = leads_to(place, &blue).await;
    let list = place.get(SLICES).await.ok();
    let mut watch = place.watch(&format!("{SLICES}&resourceVersion={}", version(&list))).await;
    let patch = json!({"spec": {"selector": {"color": "green"}}});
    place.merge("services/checkout", &patch).await.ok();
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], uid(&event["object"])), (&json!("MODIFIED"), uid(&before)));
    assert_eq!(uids(&[event["object"].clone()]), [uid(&green)]);
    let generation = |slice: &Value| slice["metadata"]["generation"].as_u64().unwrap();
    assert_eq!(generation(&event["object"]), generation(&before) + 1);
}

async fn a_pod_that_is_not_ready_is_listed_as_such(place: &Place) {
    place.create("services", &service()).await.ok();
    place.never_ready("color=blue");
    let mut asked = unready_pod("blue");
    asked["metadata"]["labels"] = json!({"app": "checkout", "color": "blue"});
    place.create("pods", &asked).await.ok();
    let slices = place.until(SLICES, "listed", |slices| !uids(slices).is_empty()).await;
    let conditions = &endpoints(&slices[0])[0]["conditions"];
    assert_eq!(*conditions, json!({"ready": false, "serving": false, "terminating": false}));
}

async fn a_pod_that_ends_is_listed_while_it_serves(place: &Place) {
    place.create("services", &service()).await.ok();
    let mut asked = colored("blue");
    asked["metadata"]["finalizers"] = json!(["test.example/hold"]);
    asked["spec"]["terminationGracePeriodSeconds"] = json!(30);
    place.create("pods", &asked).await.ok();
    let blue = ready(place, "blue").await;
    leads_to(place, &blue).await;
    let list = place.get(SLICES).await.ok();
    let mut watch = place.watch(&format!("{SLICES}&resourceVersion={}", version(&list))).await;
    place.delete("pods/blue").await.ok();
    let event = watch.next().await.unwrap();
    let conditions = &endpoints(&event["object"])[0]["conditions"];
    assert_eq!(*conditions, json!({"ready": false, "serving": true, "terminating": true}));
    place.merge("pods/blue", &json!({"metadata": {"finalizers": null}})).await.ok();
    place.until(SLICES, "empty", |slices| uids(slices).is_empty()).await;
}

async fn an_unready_pod_can_be_published(place: &Place) {
    let mut asked = service();
    asked["spec"]["publishNotReadyAddresses"] = json!(true);
    place.create("services", &asked).await.ok();
    place.never_ready("color=blue");
    let mut unready = unready_pod("blue");
    unready["metadata"]["labels"] = json!({"app": "checkout", "color": "blue"});
    place.create("pods", &unready).await.ok();
    let slices = place.until(SLICES, "listed", |slices| !uids(slices).is_empty()).await;
    let conditions = &endpoints(&slices[0])[0]["conditions"];
    assert_eq!(*conditions, json!({"ready": true, "serving": false, "terminating": false}));
}

async fn ports_are_those_of_the_pods(place: &Place) {
    let mut asked = service();
    asked["spec"]["ports"] = json!([
        {"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http"},
        {"name": "raw", "port": 81},
    ]);
    place.create("services", &asked).await.ok();
    place.create("pods", &colored("blue")).await.ok();
    let slice = leads_to(place, &ready(place, "blue").await).await;
    let ports = json!([
        {"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"},
        {"name": "raw", "port": 81, "protocol": "TCP"},
    ]);
    let mut found = slice["ports"].as_array().unwrap().clone();
    found.sort_by_key(|port| port["name"].as_str().unwrap_or_default().to_owned());
    assert_eq!(json!(found), ports);
}

async fn a_port_without_a_pod_that_has_it_leads_nowhere(place: &Place) {
    let mut asked = service();
    asked["spec"]["ports"][0]["targetPort"] = json!("other");
    place.create("services", &asked).await.ok();
    place.create("pods", &colored("blue")).await.ok();
    let slice = leads_to(place, &ready(place, "blue").await).await;
    assert_eq!(slice["ports"], Value::Null);
}

async fn a_slice_goes_with_its_service(place: &Place) {
    place.create("services", &service()).await.ok();
    place.until(SLICES, "there", |slices| !slices.is_empty()).await;
    place.delete("services/checkout").await.ok();
    place.until(SLICES, "gone", <[Value]>::is_empty).await;
}

async fn a_slice_that_is_deleted_is_made_again(place: &Place) {
    place.create("services", &service()).await.ok();
    place.create("pods", &colored("blue")).await.ok();
    let blue = ready(place, "blue").await;
    let slice = leads_to(place, &blue).await;
    place.delete(&format!("endpointslices/{}", name(&slice))).await.ok();
    let again = |slices: &[Value]| slices.len() == 1 && uid(&slices[0]) != uid(&slice);
    place.until(SLICES, "there again", again).await;
    leads_to(place, &blue).await;
}

async fn labels_of_a_service_are_those_of_its_slices(place: &Place) {
    let mut asked = service();
    asked["metadata"]["labels"] = json!({"team": "shop"});
    place.create("services", &asked).await.ok();
    let slices = place.until(SLICES, "there", |slices| !slices.is_empty()).await;
    assert_eq!(slices[0]["metadata"]["labels"]["team"], "shop");
    place.merge("services/checkout", &json!({"metadata": {"labels": {"team": "other"}}})).await.ok();
    let follows = |slices: &[Value]| slices.iter().all(|slice| slice["metadata"]["labels"]["team"] == "other");
    place.until(SLICES, "following", follows).await;
}
