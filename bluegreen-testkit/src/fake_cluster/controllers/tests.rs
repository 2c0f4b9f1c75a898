//! The controllers as a whole. What they do is held to the real ones by `tests/api`; here is what has no real counterpart.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::super::FakeCluster;
use super::super::objects::Objects;
use super::owned::{is_ready, number};
use crate::world::Behavior;

const NAMESPACE: &str = "shop";

fn cluster() -> (FakeCluster, Objects) {
    let cluster = FakeCluster::new();
    let objects = cluster.objects("test");
    objects.create("Namespace", "", json!({"metadata": {"name": NAMESPACE}})).unwrap();
    (cluster, objects)
}

fn deploy(objects: &Objects, image: &str, replicas: u32) {
    let labels = json!({"app": "web"});
    let deployment = json!({"metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}},
    }});
    objects.create("Deployment", NAMESPACE, deployment).unwrap();
}

async fn until(objects: &Objects, wanted: impl Fn(&Objects) -> bool + Send + Sync) {
    let mut changes = objects.subscribe();
    let come_true = async {
        while !wanted(objects) {
            changes.changed().await.unwrap();
        }
    };
    timeout(Duration::from_secs(7200), come_true).await.expect("it never comes true");
}

fn ready(objects: &Objects) -> usize {
    objects.list("Pod", NAMESPACE).iter().filter(|pod| is_ready(pod)).count()
}

fn web(objects: &Objects) -> Value {
    objects.get("Deployment", NAMESPACE, "web").unwrap()
}

#[tokio::test(start_paused = true)]
async fn pods_are_ready_when_they_have_started() {
    let (cluster, objects) = cluster();
    cluster.pods("app:slow", Behavior::healthy().starting_in(Duration::from_secs(3600)));
    let begin = Instant::now();
    deploy(&objects, "app:slow", 3);
    until(&objects, |objects| number(&web(objects), "/status/availableReplicas") == 3).await;
    assert_eq!(begin.elapsed().as_secs(), 3600);
}

#[tokio::test(start_paused = true)]
async fn a_behavior_can_change_while_pods_run() {
    let (cluster, objects) = cluster();
    deploy(&objects, "app:1", 2);
    until(&objects, |objects| ready(objects) == 2).await;
    cluster.pods_labeled("app=web", Behavior::unready_after(Duration::from_secs(60)));
    let begin = Instant::now();
    until(&objects, |objects| ready(objects) == 0).await;
    cluster.pods_labeled("app=web", Behavior::healthy());
    until(&objects, |objects| ready(objects) == 2).await;
    assert_eq!(begin.elapsed().as_secs(), 61);
}

#[tokio::test(start_paused = true)]
async fn restarts_are_counted_on_when_a_behavior_changes() {
    let restarts = |objects: &Objects| {
        objects.list("Pod", NAMESPACE).first().map_or(0, |pod| number(pod, "/status/containerStatuses/0/restartCount"))
    };
    let (cluster, objects) = cluster();
    cluster.pods("app:1", Behavior::crashing_after(Duration::from_secs(1)));
    deploy(&objects, "app:1", 1);
    until(&objects, |objects| restarts(objects) == 3).await;
    cluster.pods("app:1", Behavior::healthy());
    until(&objects, |objects| ready(objects) == 1).await;
    assert_eq!(restarts(&objects), 3);
}

#[tokio::test(start_paused = true)]
async fn the_same_calls_make_the_same_cluster() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (_cluster, objects) = cluster();
        deploy(&objects, "app:1", 3);
        until(&objects, |objects| ready(objects) == 3).await;
        let everything = ["Deployment", "ReplicaSet", "Pod"].map(|kind| objects.list(kind, NAMESPACE));
        seen.push(json!(everything).to_string());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(start_paused = true)]
async fn controllers_stop_with_the_last_handle() {
    let (cluster, objects) = cluster();
    let store = Arc::downgrade(&cluster.server.store);
    let second = cluster.clone();
    drop(cluster);
    deploy(&objects, "app:1", 1);
    until(&objects, |objects| ready(objects) == 1).await;
    drop((second, objects));
    // The task is told to stop, and lets go of the store when it is looked at next.
    sleep(Duration::from_millis(1)).await;
    assert_eq!(store.strong_count(), 0);
}
