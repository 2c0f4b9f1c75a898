//! How fast a switch and a rollback leave, on a real cluster.
//!
//! Needs `BLUEGREEN_TEST_KUBECONFIG` and `BLUEGREEN_TEST_IMAGE` (see `bluegreen-kube/tests/e2e/main.rs`); says so and ends
//! without them. `BLUEGREEN_BENCH_RUNS` sets how often each case is run; 30 unless set.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a bench that can't measure stops")]

mod figures;
mod shop;
mod timed;

use std::time::Duration;

use bluegreen_core::plan::Watch;
use bluegreen_core::{FileJournal, Release, Rollout};
use bluegreen_kube::{Cluster, Requests, ServiceRouter};
use figures::Figures;
use shop::Shop;
use timed::{Stopwatch, Timed};

#[tokio::main]
async fn main() {
    let Some(shop) = Shop::open().await else { return };
    let runs = std::env::var("BLUEGREEN_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(30);
    let (mut switches, mut rollbacks) = (Figures::default(), Figures::default());
    let (mut promoted, mut returned) = (Requests::default(), Requests::default());
    // The first rollout on a target stamps what was made by hand; it isn't measured.
    run(&shop, "warm-up", "").await;
    for number in 0..runs {
        let (took, requests) = run(&shop, &format!("good-{number}"), "").await;
        switches.push(took.switch);
        promoted = requests;
        let (took, requests) = run(&shop, &format!("bad-{number}"), "unready-after:3s").await;
        rollbacks.push(took.switch_back);
        returned = requests;
    }
    shop.close().await;
    println!("{runs} rollouts that were promoted, {runs} that were rolled back; file journal, synced\n");
    println!(
        "  event that satisfies the last gate -> switch PATCH leaves    {switches}   goal: median 10 ms, p99 50 ms"
    );
    println!(
        "  event that fails the watch -> rollback PATCH leaves          {rollbacks}   goal: median 10 ms, p99 50 ms"
    );
    println!("\n  API requests of the last promoted rollout      {promoted}");
    println!("  API requests of the last rolled back rollout   {returned}");
}

/// How long it took from the events to the patches.
struct Took {
    switch: Option<Duration>,
    switch_back: Option<Duration>,
}

async fn run(shop: &Shop, version: &str, start_as: &str) -> (Took, Requests) {
    let stopwatch = Stopwatch::default();
    let hook = stopwatch.clone();
    let cluster = Cluster::from_config(shop.config.clone())
        .unwrap()
        .with_write_hook(move |method, path| hook.write(method, path));
    let environment = Timed::new(shop.environment(&cluster, version, start_as), stopwatch.clone());
    let journal = tempfile::tempdir().unwrap();
    let rollout = Rollout::builder(&shop.target)
        .environment(environment)
        .router(ServiceRouter::new(&cluster, &shop.target))
        .journal(FileJournal::open(journal.path()).unwrap())
        .settle(Duration::from_millis(500))
        .drain(Duration::from_millis(500))
        .watch(
            Watch::lasting(Duration::from_secs(if start_as.is_empty() { 2 } else { 60 }))
                .interval(Duration::from_secs(1)),
        )
        .build()
        .unwrap();
    let outcome = rollout.run(Release::image(shop.image(version)).with_configuration(version)).await.unwrap();
    assert!(outcome.is_promoted() == start_as.is_empty(), "{}", outcome.report());
    (Took { switch: stopwatch.switch(), switch_back: stopwatch.switch_back() }, cluster.requests())
}
