//! Watches, alone and under kube's own watcher.

use std::pin::pin;
use std::time::Duration;

use bluegreen_testkit::FakeCluster;
use futures_util::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

use crate::{api, create_map, create_service};

/// An event in a few words.
fn words(event: &WatchEvent<ConfigMap>) -> String {
    match event {
        WatchEvent::Added(map) => format!("added {}", map.name_any()),
        WatchEvent::Modified(map) => format!("modified {}", map.name_any()),
        WatchEvent::Deleted(map) => format!("deleted {}", map.name_any()),
        WatchEvent::Bookmark(_) => "bookmark".to_owned(),
        WatchEvent::Error(status) => format!("error {}: {}", status.code, status.message),
    }
}

/// The next events in a few words; fails if they don't come.
async fn next(
    events: &mut (impl Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Unpin),
    count: usize,
) -> Vec<String> {
    let all = events.take(count).map_ok(|event| words(&event)).try_collect();
    tokio::time::timeout(Duration::from_secs(600), all).await.expect("the events don't come").unwrap()
}

async fn label(cluster: &FakeCluster, name: &str, color: &str) {
    let patch = Patch::Merge(json!({"metadata": {"labels": {"color": color}}}));
    api::<ConfigMap>(cluster).patch(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_happened_since_its_version() {
    let cluster = FakeCluster::api_only();
    let maps = api::<ConfigMap>(&cluster);
    let version = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    create_map(&cluster, "a", json!({})).await;
    let mut all = pin!(maps.watch(&WatchParams::default(), &version).await.unwrap());
    let mut blue = pin!(maps.watch(&WatchParams::default().labels("color=blue"), &version).await.unwrap());
    assert_eq!(next(&mut all, 1).await, ["added a"]);
    label(&cluster, "a", "blue").await;
    label(&cluster, "a", "green").await;
    maps.delete("a", &kube::api::DeleteParams::default()).await.unwrap();
    assert_eq!(next(&mut all, 3).await, ["modified a", "modified a", "deleted a"]);
    // To those who see only the blue ones, it came and went.
    assert_eq!(next(&mut blue, 2).await, ["added a", "deleted a"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_sends_bookmarks_and_ends_in_time() {
    let cluster = FakeCluster::api_only();
    let params = WatchParams::default().timeout(130);
    let watch = api::<ConfigMap>(&cluster).watch(&params, "1").await.unwrap();
    let events: Vec<_> = watch.map_ok(|event| words(&event)).try_collect().await.unwrap();
    assert_eq!(events, ["bookmark", "bookmark", "bookmark"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_forgotten_version_is_told_to_list_again() {
    let cluster = FakeCluster::api_only();
    create_map(&cluster, "a", json!({})).await;
    cluster.forget_history();
    let mut watch = pin!(api::<ConfigMap>(&cluster).watch(&WatchParams::default(), "1").await.unwrap());
    assert!(next(&mut watch, 1).await[0].starts_with("error 410: too old resource version: 1 ("));
    assert!(watch.next().await.is_none());
}

/// What kube's watcher yields: each object as it is told, by name.
fn objects(cluster: &FakeCluster, config: watcher::Config) -> impl Stream<Item = String> + Unpin + use<> {
    let events = watcher(api::<ConfigMap>(cluster), config).default_backoff().touched_objects();
    Box::pin(events.filter_map(async |object| object.ok().map(|map| format!("{} {}", map.name_any(), json!(map.data)))))
}

#[tokio::test(start_paused = true)]
async fn a_watcher_survives_cuts_and_forgotten_versions() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let cluster = FakeCluster::api_only();
        create_map(&cluster, "a", json!({"k": "1"})).await;
        let mut seen = objects(&cluster, config);
        let mut next = async || tokio::time::timeout(Duration::from_secs(600), seen.next()).await.unwrap().unwrap();
        assert_eq!(next().await, r#"a {"k":"1"}"#);
        create_map(&cluster, "b", json!({"k": "2"})).await;
        assert_eq!(next().await, r#"b {"k":"2"}"#);
        cluster.cut_watches();
        create_map(&cluster, "c", json!({"k": "3"})).await;
        assert_eq!(next().await, r#"c {"k":"3"}"#);
        cluster.cut_watches();
        create_map(&cluster, "d", json!({"k": "4"})).await;
        cluster.forget_history();
        let mut again = Vec::new();
        for _ in 0..4 {
            again.push(next().await.chars().next().unwrap());
        }
        assert_eq!(again, ['a', 'b', 'c', 'd'], "it has listed again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_watch_is_overtaken_by_others() {
    let cluster = FakeCluster::api_only();
    cluster.delay_watches("/configmaps", Duration::from_secs(5));
    let services = api::<Service>(&cluster);
    let mut services = pin!(services.watch(&WatchParams::default(), "1").await.unwrap());
    let mut maps = pin!(api::<ConfigMap>(&cluster).watch(&WatchParams::default(), "1").await.unwrap());
    let began = tokio::time::Instant::now();
    create_map(&cluster, "a", json!({})).await;
    create_service(&cluster).await;
    assert!(matches!(services.next().await.unwrap().unwrap(), WatchEvent::Added(_)));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(next(&mut maps, 1).await, ["added a"]);
    assert!(began.elapsed() >= Duration::from_secs(5) && began.elapsed() < Duration::from_secs(6));
}
