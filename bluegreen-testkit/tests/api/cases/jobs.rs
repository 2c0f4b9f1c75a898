//! Jobs over time.

use serde_json::{Value, json};

use crate::answer::{condition, condition_text, items, name, names, uid};
use crate::manifests::{failing_job, job};
use crate::place::Place;

super::cases![
    a_job_completes,
    a_job_that_fails_says_so,
    a_job_is_tried_again_as_often_as_it_may,
    a_job_that_takes_too_long_is_ended,
    the_pods_of_a_job_are_found_by_its_name,
    a_suspended_job_makes_no_pods,
    the_template_of_a_job_is_immutable,
    a_job_gets_its_defaults,
    a_job_that_is_done_can_be_removed_by_itself,
];

async fn until(place: &Place, kind: &'static str) -> Value {
    place.until_one("jobs/migrate", kind, |job| condition(job, kind)["status"] == "True").await
}

async fn a_job_completes(place: &Place) {
    place.create("jobs", &job()).await.ok();
    let done = until(place, "Complete").await;
    let status = &done["status"];
    assert_eq!((&status["succeeded"], status.get("failed"), &status["ready"]), (&json!(1), None, &json!(0)));
    assert_eq!((status.get("active"), &status["terminating"]), (None, &json!(0)));
    assert!(status["startTime"].is_string() && status["completionTime"].is_string());
    assert_eq!(condition_text(&done, "Complete"), "True CompletionsReached");
    assert_eq!(condition_text(&done, "SuccessCriteriaMet"), "True CompletionsReached");
    assert_eq!(condition(&done, "Complete")["message"], "Reached expected number of succeeded pods");
    assert_eq!(condition(&done, "Failed"), Value::Null);
}

async fn a_job_that_fails_says_so(place: &Place) {
    place.crashing("batch.kubernetes.io/job-name=migrate");
    place.create("jobs", &failing_job(0)).await.ok();
    let failed = until(place, "Failed").await;
    let status = &failed["status"];
    assert_eq!((status.get("succeeded"), &status["failed"], status.get("active")), (None, &json!(1), None));
    assert_eq!(status.get("completionTime"), None);
    assert_eq!(condition_text(&failed, "Failed"), "True BackoffLimitExceeded");
    assert_eq!(condition(&failed, "Failed")["message"], "Job has reached the specified backoff limit");
    assert_eq!(condition_text(&failed, "FailureTarget"), "True BackoffLimitExceeded");
    assert_eq!(condition(&failed, "Complete"), Value::Null);
    let pods = place.get("pods").await.ok();
    assert_eq!(items(&pods)[0]["status"]["phase"], "Failed");
    let ended = &items(&pods)[0]["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_ne!(ended["exitCode"], 0, "{ended:#}");
}

async fn a_job_is_tried_again_as_often_as_it_may(place: &Place) {
    place.crashing("batch.kubernetes.io/job-name=migrate");
    place.create("jobs", &failing_job(1)).await.ok();
    let failed = until(place, "Failed").await;
    assert_eq!(failed["status"]["failed"], 2);
    assert_eq!(names(&place.get("pods").await.ok()).len(), 2);
}

async fn a_job_that_takes_too_long_is_ended(place: &Place) {
    place.never_ready("batch.kubernetes.io/job-name=migrate");
    let mut asked = job();
    asked["spec"]["activeDeadlineSeconds"] = json!(2);
    asked["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("livenessProbe");
    place.create("jobs", &asked).await.ok();
    let failed = until(place, "Failed").await;
    assert_eq!(condition_text(&failed, "Failed"), "True DeadlineExceeded");
    assert_eq!(condition(&failed, "Failed")["message"], "Job was active longer than specified deadline");
    place.until("pods", "gone", <[Value]>::is_empty).await;
}

async fn the_pods_of_a_job_are_found_by_its_name(place: &Place) {
    let made = place.create("jobs", &job()).await.ok();
    let pods = place.until("pods?labelSelector=batch.kubernetes.io/job-name=migrate", "there", |pods| !pods.is_empty());
    let pod = pods.await.remove(0);
    let metadata = &pod["metadata"];
    assert!(name(&pod).starts_with("migrate-"), "{}", name(&pod));
    assert_eq!(
        metadata["labels"],
        json!({
            "batch.kubernetes.io/job-name": "migrate", "job-name": "migrate",
            "batch.kubernetes.io/controller-uid": uid(&made), "controller-uid": uid(&made),
        })
    );
    assert_eq!(
        metadata["ownerReferences"],
        json!([{
            "apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "uid": uid(&made), "controller": true,
            "blockOwnerDeletion": true,
        }])
    );
    until(place, "Complete").await;
    let ended = place.get(&format!("pods/{}", name(&pod))).await.ok();
    assert_eq!(ended["status"]["phase"], "Succeeded");
    assert_eq!(ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 0);
    assert_eq!(condition_text(&ended, "Ready"), "False PodCompleted");
}

async fn a_suspended_job_makes_no_pods(place: &Place) {
    let mut asked = job();
    asked["spec"]["suspend"] = json!(true);
    place.create("jobs", &asked).await.ok();
    let suspended = until(place, "Suspended").await;
    assert_eq!(condition_text(&suspended, "Suspended"), "True JobSuspended");
    assert_eq!(place.get("pods").await.ok()["items"], json!([]));
    place.merge("jobs/migrate", &json!({"spec": {"suspend": false}})).await.ok();
    let done = until(place, "Complete").await;
    assert_eq!(condition_text(&done, "Suspended"), "False JobResumed");
}

async fn the_template_of_a_job_is_immutable(place: &Place) {
    let mut asked = job();
    asked["spec"]["suspend"] = json!(true);
    place.create("jobs", &asked).await.ok();
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "other:1"}]);
    let answer = place.json_patch("jobs/migrate", &patch).await;
    assert_eq!((answer.code, &answer.body["reason"]), (422, &json!("Invalid")), "{answer:?}");
    assert_eq!(answer.body["details"]["causes"][0]["field"], "spec.template");
}

async fn a_job_gets_its_defaults(place: &Place) {
    let mut asked = job();
    asked["spec"].as_object_mut().unwrap().remove("backoffLimit");
    asked["spec"]["suspend"] = json!(true);
    let made = place.create("jobs", &asked).await.ok();
    let mut spec = made["spec"].clone();
    spec.as_object_mut().unwrap().remove("template");
    let expected = json!({
        "backoffLimit": 6, "completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "manualSelector": false,
        "podReplacementPolicy": "TerminatingOrFailed", "suspend": true,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid(&made)}},
    });
    assert_eq!(spec, expected);
    assert_eq!(made["metadata"]["labels"], made["spec"]["template"]["metadata"]["labels"]);
}

async fn a_job_that_is_done_can_be_removed_by_itself(place: &Place) {
    let mut asked = job();
    asked["spec"]["ttlSecondsAfterFinished"] = json!(1);
    place.create("jobs", &asked).await.ok();
    place.until("jobs", "gone", <[Value]>::is_empty).await;
    place.until("pods", "gone", <[Value]>::is_empty).await;
}
