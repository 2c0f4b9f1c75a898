//! `kill -9` at every entry of the journal: whoever recovers the rollout ends it as if nothing had happened.

use std::sync::Arc;

use bluegreen_core::{Outcome, RunError};

use crate::app::App;
use crate::child::quick;
use crate::program::{Fate, Fault, Job, Program};
use crate::shop::{Needs, Shop, assert_no_loss, in_a_shop, seconds};

/// More appends than any of these rollouts makes.
const MOST: u32 = 60;

/// Runs the same rollout again and again, each time killed one entry later, and recovers it, until it ends by itself.
async fn kill_at_every_entry(case: &str, fails: bool, fault: fn(u32) -> Fault) {
    in_a_shop(case, Needs::Nothing, seconds(580), async |shop| {
        shop.open(&App::v(1), 1).await;
        // Without a kill, to know how it should end. From then on the objects are ours.
        let first = App::v(2);
        let outcome = shop.finish(quick(&shop, &shop.cluster, &first, shop.journal("first"), false), &first).await;
        assert!(outcome.is_promoted(), "{}", outcome.report());
        let users = shop.users(100).await;
        let mut serving = first;
        let mut entries = 0;
        for n in 1..MOST {
            let next = App::v(n + 2);
            let ended = killed_and_recovered(&shop, n, &next, fails, fault(n)).await;
            if !fails {
                serving = next;
            }
            let active = shop.facts().await.active().unwrap();
            shop.until_served_by(&serving.version()).await;
            shop.assert_served_by(&serving, active).await;
            let mut replicas = [0, 0];
            replicas[active as usize] = 1;
            assert_eq!(shop.facts().await.replicas(), replicas, "blue and green after {:?}", fault(n));
            if ended {
                break;
            }
            entries = n;
        }
        assert!((5..MOST - 1).contains(&entries), "killed {entries} times");
        let users = users.stop().await;
        assert_no_loss(&users);
        eprintln!("{case}: killed at {entries} appends, 0 of {} requests lost", users.sent);
    })
    .await;
}

/// Returns whether the program ended by itself.
async fn killed_and_recovered(shop: &Arc<Shop>, n: u32, app: &App, fails: bool, fault: Fault) -> bool {
    eprintln!("{fault:?}");
    let journals = format!("journal-{n}");
    let mut program = Program::start(&Job::new(shop, &journals, n + 2).failing(fails).with(fault));
    match program.fate().await {
        Fate::Killed => {}
        Fate::Ended(code) => {
            assert_eq!(code, if fails { 3 } else { 0 }, "{}", program.said());
            return true;
        }
        Fate::Stopped(write) => panic!("stopped before {write}"),
    }
    let rollout = quick(shop, &shop.cluster, app, shop.journal(&journals), fails).build().unwrap();
    let outcome = match rollout.recover().await {
        Ok(handle) => handle.wait().await.unwrap(),
        // Killed before its first entry, it has not begun; after its last one, it has ended.
        Err(RunError::NothingOpen { .. }) => rerun(&rollout, shop, app).await,
        Err(error) => panic!("{fault:?}: {error}"),
    };
    let right = if fails { outcome.is_rolled_back() } else { outcome.is_success() };
    assert!(right, "{fault:?}: {}", outcome.report());
    false
}

/// What a person does who finds nothing to recover: asks for the release again.
async fn rerun(rollout: &bluegreen_core::Rollout, shop: &Shop, app: &App) -> Outcome {
    rollout.run(shop.release(app)).await.unwrap()
}

#[tokio::test]
async fn a_rollout_killed_after_each_entry_is_promoted() {
    kill_at_every_entry("kill-after", false, Fault::KilledAfterAppend).await;
}

#[tokio::test]
async fn a_rollout_killed_before_each_entry_is_promoted() {
    kill_at_every_entry("kill-before", false, Fault::KilledBeforeAppend).await;
}

#[tokio::test]
async fn a_rollback_killed_after_each_entry_is_rolled_back() {
    kill_at_every_entry("kill-back", true, Fault::KilledAfterAppend).await;
}
