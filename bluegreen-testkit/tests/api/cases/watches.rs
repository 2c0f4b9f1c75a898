//! Watches.

use serde_json::{Value, json};

use crate::answer::version;
use crate::manifests::config_map;
use crate::place::{Place, with};

super::cases![
    a_watch_tells_of_each_change_after_a_version,
    a_watch_resumes_where_another_ended,
    a_watch_without_a_version_begins_with_what_is_there,
    an_event_carries_the_whole_object,
    what_comes_to_match_is_added_and_what_ceases_is_deleted,
    a_watch_of_one_object_sees_no_other,
    a_write_that_changes_nothing_is_no_event,
    a_watch_ends_at_its_time,
    a_streamed_list_ends_with_a_bookmark,
    bookmarks_come_to_those_who_ask,
    a_version_from_long_ago_is_expired,
    an_unreadable_version_is_refused,
    two_watches_see_the_same,
];

/// Only what the cases make: the server makes a ConfigMap in each namespace.
const OURS: &str = "configmaps?labelSelector=ours";

fn ours(name: &str, data: Value) -> Value {
    let mut object = config_map(name, data);
    object["metadata"]["labels"] = json!({"ours": "yes"});
    object
}

async fn now(place: &Place) -> String {
    with(OURS, &format!("resourceVersion={}", version(&place.get(OURS).await.ok())))
}

async fn a_watch_tells_of_each_change_after_a_version(place: &Place) {
    place.create("configmaps", &ours("before", json!({}))).await.ok();
    let from = now(place).await;
    place.create("configmaps", &ours("a", json!({"n": "0"}))).await.ok();
    let mut watch = place.watch(&from).await;
    place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    place.create("configmaps", &ours("b", json!({}))).await.ok();
    place.delete("configmaps/a").await.ok();
    watch.expect(&[("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]).await;
}

async fn a_watch_resumes_where_another_ended(place: &Place) {
    let from = now(place).await;
    let made = place.create("configmaps", &ours("a", json!({"n": "0"}))).await.ok();
    place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    let mut first = place.watch(&from).await;
    first.expect(&[("ADDED", "a")]).await;
    drop(first);
    let mut second = place.watch(&with(OURS, &format!("resourceVersion={}", version(&made)))).await;
    place.delete("configmaps/a").await.ok();
    second.expect(&[("MODIFIED", "a"), ("DELETED", "a")]).await;
}

async fn a_watch_without_a_version_begins_with_what_is_there(place: &Place) {
    place.create("configmaps", &ours("a", json!({"n": "0"}))).await.ok();
    place.create("configmaps", &ours("b", json!({"n": "0"}))).await.ok();
    for query in [OURS.to_owned(), with(OURS, "resourceVersion=0")] {
        let mut watch = place.watch(&query).await;
        let (one, two) = (watch.next_change().await, watch.next_change().await);
        let mut found = [one, two];
        found.sort();
        assert_eq!(found, [("ADDED".into(), "a".into()), ("ADDED".into(), "b".into())], "{query}");
    }
}

async fn an_event_carries_the_whole_object(place: &Place) {
    let mut watch = place.watch(&now(place).await).await;
    let made = place.create("configmaps", &ours("a", json!({"n": "0"}))).await.ok();
    let changed = place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    place.delete("configmaps/a").await.ok();
    assert_eq!(watch.next().await.unwrap(), json!({"type": "ADDED", "object": made}));
    assert_eq!(watch.next().await.unwrap(), json!({"type": "MODIFIED", "object": changed}));
    let last = watch.next().await.unwrap();
    assert_eq!((&last["type"], &last["object"]["data"]), (&json!("DELETED"), &changed["data"]));
    // The deletion has a version of its own.
    assert_ne!(version(&last["object"]), version(&changed));
}

async fn what_comes_to_match_is_added_and_what_ceases_is_deleted(place: &Place) {
    place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok();
    let mut watch = place.watch(&now(place).await).await;
    place.merge("configmaps/a", &json!({"metadata": {"labels": {"ours": "1"}}})).await.ok();
    place.merge("configmaps/a", &json!({"data": {"n": "1"}})).await.ok();
    let out = place.merge("configmaps/a", &json!({"metadata": {"labels": null}, "data": {"n": "2"}})).await.ok();
    watch.expect(&[("ADDED", "a"), ("MODIFIED", "a")]).await;
    // As it was when it matched, with the version of the change that took it out.
    let left = watch.next().await.unwrap();
    assert_eq!((&left["type"], &left["object"]["data"]), (&json!("DELETED"), &json!({"n": "1"})));
    assert_eq!(version(&left["object"]), version(&out));
}

async fn a_watch_of_one_object_sees_no_other(place: &Place) {
    let list = place.get("configmaps").await.ok();
    let query = format!("configmaps?fieldSelector=metadata.name=b&resourceVersion={}", version(&list));
    let mut watch = place.watch(&query).await;
    place.create("configmaps", &ours("a", json!({}))).await.ok();
    place.create("configmaps", &ours("b", json!({}))).await.ok();
    place.delete("configmaps/a").await.ok();
    place.delete("configmaps/b").await.ok();
    watch.expect(&[("ADDED", "b"), ("DELETED", "b")]).await;
}

async fn a_write_that_changes_nothing_is_no_event(place: &Place) {
    place.create("configmaps?fieldManager=one", &ours("a", json!({"n": "0"}))).await.ok();
    let mut watch = place.watch(&now(place).await).await;
    place.merge("configmaps/a?fieldManager=one", &json!({"data": {"n": "0"}})).await.ok();
    place.merge("configmaps/a?dryRun=All", &json!({"data": {"n": "1"}})).await.ok();
    place.create("configmaps", &ours("b", json!({}))).await.ok();
    watch.expect(&[("ADDED", "b")]).await;
}

async fn a_watch_ends_at_its_time(place: &Place) {
    let mut watch = place.watch(&with(&now(place).await, "timeoutSeconds=1")).await;
    assert_eq!(watch.next().await, None);
}

async fn a_streamed_list_ends_with_a_bookmark(place: &Place) {
    place.create("configmaps", &ours("a", json!({"n": "0"}))).await.ok();
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = place.watch(&with(OURS, query)).await;
    let first = watch.next().await.unwrap();
    assert_eq!((&first["type"], &first["object"]["metadata"]["name"]), (&json!("ADDED"), &json!("a")));
    let mark = watch.next().await.unwrap();
    assert_eq!(
        (&mark["type"], &mark["object"]["kind"], &mark["object"]["apiVersion"]),
        (&json!("BOOKMARK"), &json!("ConfigMap"), &json!("v1"))
    );
    assert_eq!(mark["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    let from = with(OURS, &format!("resourceVersion={}", version(&mark["object"])));
    place.create("configmaps", &ours("b", json!({}))).await.ok();
    watch.expect(&[("ADDED", "b")]).await;
    place.watch(&from).await.expect(&[("ADDED", "b")]).await;
}

/// The server sends one shortly before a watch ends.
async fn bookmarks_come_to_those_who_ask(place: &Place) {
    let query = with(&now(place).await, "timeoutSeconds=3&allowWatchBookmarks=true");
    let mut watch = place.watch(&query).await;
    place.create("configmaps", &config_map("elsewhere", json!({}))).await.ok();
    let mark = watch.next().await.unwrap();
    assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!("ConfigMap")));
    assert!(!version(&mark["object"]).is_empty());
}

async fn a_version_from_long_ago_is_expired(place: &Place) {
    place.create("configmaps", &ours("a", json!({}))).await.ok();
    let old = place.server.expired_version();
    let mut watch = place.watch(&with(OURS, &format!("resourceVersion={old}"))).await;
    let event = watch.next().await.unwrap();
    let status = &event["object"];
    assert_eq!((&event["type"], &status["kind"]), (&json!("ERROR"), &json!("Status")), "{event:#}");
    assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
    assert!(status["message"].as_str().unwrap().starts_with("too old resource version: "), "{status:#}");
    assert_eq!(watch.next().await, None);
}

async fn an_unreadable_version_is_refused(place: &Place) {
    let answer = place.get("configmaps?watch=true&resourceVersion=abc").await;
    let message = "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax";
    assert_eq!((answer.code, &answer.body["message"]), (500, &json!(message)));
}

async fn two_watches_see_the_same(place: &Place) {
    let from = now(place).await;
    let (mut one, mut two) = (place.watch(&from).await, place.watch(&from).await);
    place.create("configmaps", &ours("a", json!({"n": "0"}))).await.ok();
    place.delete("configmaps/a").await.ok();
    for _ in 0..2 {
        assert_eq!(one.next().await, two.next().await);
    }
}
