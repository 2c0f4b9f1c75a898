//! Rollouts in the in-memory world: what the library itself costs.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a bench that can't measure stops")]

use std::time::Duration;

use bluegreen_core::engine::{Decide, Engine, State, View};
use bluegreen_core::plan::{Criterion, Watch};
use bluegreen_core::{Clock, Journal, Release, Rollout, Target};
use bluegreen_testkit::{Behavior, World};
use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::runtime::{Builder, Runtime};

fn main() {
    divan::main();
}

fn target() -> Target {
    Target::new("shop", "checkout")
}

/// A runtime whose clock jumps to the next thing that happens.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn rollout(world: &World, watch: Watch) -> Rollout {
    Rollout::builder(&target())
        .environment(world.environment())
        .router(world.router())
        .journal(world.journal())
        .clock(world.clock())
        .entropy(world.entropy())
        .watch(watch)
        .build()
        .unwrap()
}

async fn promote(world: &World, watch: Watch) {
    let outcome = rollout(world, watch).run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
}

/// A watch of two hours with a signal, sampled every 5 s.
#[divan::bench(sample_count = 20)]
fn two_hour_rollout(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        paused().block_on(async {
            let world = World::builder().build();
            let watch = Watch::two_hours().signal(world.signal("errors"), Criterion::error_rate(0.01, 1));
            promote(&world, watch).await;
        });
    });
}

/// The test of the testkit's guide: the same watch, and a release that goes bad after an hour.
#[divan::bench(sample_count = 20)]
fn two_hour_test_with_a_regression(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        paused().block_on(async {
            let world = World::builder().build();
            world.behaves("v2", Behavior::failing(0.03).from(Duration::from_secs(3600)));
            let watch = Watch::two_hours().signal(world.signal("errors"), Criterion::error_rate(0.01, 100));
            let outcome = rollout(&world, watch).run(Release::version("v2")).await.unwrap();
            assert!(outcome.is_rolled_back(), "{}", outcome.report());
        });
    });
}

/// All at once, each in a world of its own.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn ten_thousand_rollouts_in_one_process(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(10_000_usize)).bench_local(|| {
        paused().block_on(async {
            let rollouts = (0..10_000).map(|_| async {
                let world = World::builder().build();
                promote(&world, Watch::lasting(Duration::from_secs(60))).await;
            });
            futures_util::future::join_all(rollouts).await;
        });
    });
}

/// Replaying the journal of a rollout, and deciding after each record.
#[divan::bench]
fn engine_steps(bencher: Bencher<'_, '_>) {
    let (records, now) = paused().block_on(async {
        let world = World::builder().build();
        promote(&world, Watch::lasting(Duration::from_secs(600))).await;
        let journal = world.journal();
        let id = journal.rollouts(&target()).await.unwrap().pop().unwrap();
        (journal.load(&target(), &id).await.unwrap().records, world.clock().now())
    });
    let view = View::default();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        let mut state = None;
        for record in &records {
            let next = State::after(state.take(), record).unwrap();
            divan::black_box(Engine.next(&next, &view, now));
            state = Some(next);
        }
    });
}
