//! Pods over time: starting, failing, ending, and their logs.

use serde_json::{Value, json};

use crate::answer::{condition, condition_text, name};
use crate::manifests::{crashing_pod, pod, unready_pod};
use crate::place::Place;

super::cases![
    a_pod_gets_ready,
    a_pod_that_is_not_ready_says_so,
    an_image_that_may_not_be_pulled_is_an_error_at_once,
    an_image_that_cannot_be_pulled_is_tried_again,
    a_container_that_ends_is_restarted_and_counted,
    a_pod_that_is_asked_to_end_is_told_first,
    a_running_pod_has_a_log,
    a_waiting_pod_has_no_log,
    a_log_of_no_previous_run_is_refused,
    a_log_of_a_missing_container_is_refused,
    a_log_of_a_missing_pod_is_not_found,
    the_image_of_a_pod_can_be_changed_and_little_else,
];

fn waiting(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]["state"]["waiting"]
}

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready")["status"] == "True"
}

async fn a_pod_gets_ready(place: &Place) {
    let made = place.create("pods", &pod("a")).await.ok();
    assert_eq!(made["status"], json!({"phase": "Pending", "qosClass": "BestEffort"}));
    let ready = place.until_one("pods/a", "ready", is_ready).await;
    let status = &ready["status"];
    assert!(ready["spec"]["nodeName"].is_string());
    assert!(status["podIP"].as_str().unwrap().parse::<std::net::Ipv4Addr>().is_ok());
    assert_eq!(status["podIPs"], json!([{"ip": status["podIP"]}]));
    assert_eq!((&status["phase"], status["startTime"].is_string()), (&json!("Running"), true));
    for kind in ["PodScheduled", "Initialized", "ContainersReady", "PodReadyToStartContainers"] {
        assert_eq!(condition_text(&ready, kind), "True", "{kind}");
    }
    let container = &status["containerStatuses"][0];
    let found = ["name", "image", "ready", "started", "restartCount"].map(|field| container[field].clone());
    let image = &pod("a")["spec"]["containers"][0]["image"];
    assert_eq!(found, [json!("app"), image.clone(), json!(true), json!(true), json!(0)]);
    assert!(container["state"]["running"]["startedAt"].is_string(), "{container:#}");
    assert_eq!(container["lastState"], json!({}));
}

async fn a_pod_that_is_not_ready_says_so(place: &Place) {
    place.never_ready("app=a");
    place.create("pods", &unready_pod("a")).await.ok();
    let running = |pod: &Value| pod["status"]["containerStatuses"][0]["state"]["running"].is_object();
    let found = place.until_one("pods/a", "running", running).await;
    assert_eq!(found["status"]["phase"], "Running");
    for kind in ["Ready", "ContainersReady"] {
        assert_eq!(condition_text(&found, kind), "False ContainersNotReady");
        assert_eq!(condition(&found, kind)["message"], "containers with unready status: [app]");
    }
    let container = &found["status"]["containerStatuses"][0];
    assert_eq!((&container["ready"], &container["started"]), (&json!(false), &json!(true)));
}

/// A pod whose image isn't there.
fn without_image(policy: &str) -> Value {
    let mut asked = pod("a");
    let container = &mut asked["spec"]["containers"][0];
    container["image"] = json!("bluegreen.test/absent:1");
    container["imagePullPolicy"] = json!(policy);
    asked
}

async fn an_image_that_may_not_be_pulled_is_an_error_at_once(place: &Place) {
    place.image_missing("bluegreen.test/absent:1");
    place.create("pods", &without_image("Never")).await.ok();
    let stuck = |pod: &Value| waiting(pod)["reason"] == "ErrImageNeverPull";
    let found = place.until_one("pods/a", "stuck", stuck).await;
    let message = "Container image \"bluegreen.test/absent:1\" is not present with pull policy of Never";
    assert_eq!(waiting(&found)["message"], message);
    assert_eq!(found["status"]["phase"], "Pending");
    assert_eq!(condition_text(&found, "Ready"), "False ContainersNotReady");
}

async fn an_image_that_cannot_be_pulled_is_tried_again(place: &Place) {
    place.image_missing("bluegreen.test/absent:1");
    place.create("pods", &without_image("IfNotPresent")).await.ok();
    place.until_one("pods/a", "failing", |pod| waiting(pod)["reason"] == "ErrImagePull").await;
    let found = place.until_one("pods/a", "waiting", |pod| waiting(pod)["reason"] == "ImagePullBackOff").await;
    let message = waiting(&found)["message"].as_str().unwrap();
    assert!(message.starts_with("Back-off pulling image \"bluegreen.test/absent:1\""), "{message}");
    let tried = |pod: &Value| waiting(pod)["reason"] == "ErrImagePull";
    place.until_one("pods/a", "tried again", tried).await;
}

async fn a_container_that_ends_is_restarted_and_counted(place: &Place) {
    place.crashing("app=a");
    place.create("pods", &crashing_pod("a")).await.ok();
    let container = |pod: &Value| pod["status"]["containerStatuses"][0].clone();
    let backing_off = |pod: &Value| waiting(pod)["reason"] == "CrashLoopBackOff";
    let first = place.until_one("pods/a", "backing off", backing_off).await;
    let restarts = container(&first)["restartCount"].as_u64().unwrap();
    let message = waiting(&first)["message"].as_str().unwrap();
    let (namespace, uid) = (&place.namespace, crate::answer::uid(&first));
    assert!(message.starts_with("back-off "), "{message}");
    assert!(message.ends_with(&format!(" restarting failed container=app pod=a_{namespace}({uid})")), "{message}");
    let more = |pod: &Value| container(pod)["restartCount"].as_u64() > Some(restarts);
    let again = place.until_one("pods/a", "restarted", more).await;
    let last = &container(&again)["lastState"]["terminated"];
    assert_ne!(last["exitCode"], 0, "{last:#}");
    assert!(last["finishedAt"].is_string() && last["reason"].is_string(), "{last:#}");
    assert!(!is_ready(&again));
}

async fn a_pod_that_is_asked_to_end_is_told_first(place: &Place) {
    let mut asked = pod("a");
    asked["spec"]["terminationGracePeriodSeconds"] = json!(5);
    place.create("pods", &asked).await.ok();
    place.until_one("pods/a", "ready", is_ready).await;
    let going = place.delete("pods/a").await.ok_with(200);
    assert_eq!(going["kind"], "Pod");
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 5);
    place.until("pods", "gone", <[Value]>::is_empty).await;
}

async fn a_running_pod_has_a_log(place: &Place) {
    place.create("pods", &pod("a")).await.ok();
    place.until_one("pods/a", "ready", is_ready).await;
    assert_eq!(place.get("pods/a/log").await.ok_with(200), "");
    assert_eq!(place.get("pods/a/log?container=app&tailLines=10&limitBytes=4096").await.ok_with(200), "");
}

async fn a_waiting_pod_has_no_log(place: &Place) {
    place.image_missing("bluegreen.test/absent:1");
    place.create("pods", &without_image("Never")).await.ok();
    place.until_one("pods/a", "stuck", |pod| waiting(pod)["reason"] == "ErrImageNeverPull").await;
    place.get("pods/a/log").await.refused(
        400,
        "BadRequest",
        "container \"app\" in pod \"a\" is waiting to start: ErrImageNeverPull",
    );
}

async fn a_log_of_no_previous_run_is_refused(place: &Place) {
    place.create("pods", &pod("a")).await.ok();
    place.until_one("pods/a", "ready", is_ready).await;
    place.get("pods/a/log?previous=true").await.refused(
        400,
        "BadRequest",
        "previous terminated container \"app\" in pod \"a\" not found",
    );
}

async fn a_log_of_a_missing_container_is_refused(place: &Place) {
    place.create("pods", &pod("a")).await.ok();
    let message = "container other is not valid for pod a";
    place.get("pods/a/log?container=other").await.refused(400, "BadRequest", message);
}

async fn a_log_of_a_missing_pod_is_not_found(place: &Place) {
    place.get("pods/a/log").await.refused(404, "NotFound", "pods \"a\" not found");
}

async fn the_image_of_a_pod_can_be_changed_and_little_else(place: &Place) {
    let mut asked = pod("a");
    asked["spec"]["schedulerName"] = json!("nobody");
    let made = place.create("pods", &asked).await.ok();
    let image = json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "other:1"}]);
    let changed = place.json_patch("pods/a", &image).await.ok();
    assert_eq!((name(&changed), changed["metadata"]["generation"].as_u64()), (name(&made), Some(2)));
    let command = json!([{"op": "add", "path": "/spec/containers/0/command", "value": ["/missing"]}]);
    let answer = place.json_patch("pods/a", &command).await;
    assert_eq!((answer.code, &answer.body["reason"]), (422, &json!("Invalid")), "{answer:?}");
    assert_eq!(answer.body["details"]["causes"][0]["field"], "spec");
}
