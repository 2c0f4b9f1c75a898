//! A program is stopped right before one of its writes, and goes on after another one took over: the write changes
//! nothing.

use std::sync::Arc;

use bluegreen_core::{FileJournal, JournalError, Outcome, RunError};

use crate::app::App;
use crate::child::quick;
use crate::program::{Fate, Fault, Job, Program};
use crate::shop::{Needs, Shop, assert_no_loss, in_a_shop, millis, seconds};

/// More writes than any of these rollouts makes.
const MOST: u32 = 20;

/// The exit code of a program whose rollout was superseded.
const SUPERSEDED: i32 = 5;

/// How somebody else takes over.
#[derive(Debug, Clone, Copy)]
enum TakeOver {
    /// With another release.
    Release,
    /// By rolling back, where there is something to roll back; else with another release.
    RollBack,
}

async fn stop_before_every_write(case: &str, fails: bool, how: TakeOver) {
    in_a_shop(case, Needs::Nothing, seconds(580), async |shop| {
        shop.open(&App::v(1), 1).await;
        let first = App::v(2);
        let outcome = shop.finish(quick(&shop, &shop.cluster, &first, shop.journal("first"), false), &first).await;
        assert!(outcome.is_promoted(), "{}", outcome.report());
        let users = shop.users(50).await;
        let mut stops = 0;
        for n in 1..MOST {
            let Some(write) = stopped_and_superseded(&shop, n, fails, how).await else { break };
            eprintln!("{case}: {write} changed nothing");
            stops = n;
        }
        let least = if fails { 5 } else { 4 };
        assert!((least..MOST - 1).contains(&stops), "stopped {stops} times");
        assert_no_loss(&users.stop().await);
    })
    .await;
}

/// Returns the write before which the program was stopped; `None` if it ended by itself.
async fn stopped_and_superseded(shop: &Arc<Shop>, n: u32, fails: bool, how: TakeOver) -> Option<String> {
    let fault = Fault::StoppedBeforeWrite(n);
    let job = Job::new(shop, &format!("journal-{n}"), 2 * n + 1).failing(fails).with(fault);
    let mut program = Program::start(&job);
    let write = match program.fate().await {
        Fate::Stopped(write) => write,
        Fate::Ended(code) => {
            assert_eq!(code, if fails { 3 } else { 0 }, "{}", program.said());
            return None;
        }
        Fate::Killed => panic!("the program was killed; it said:\n{}", program.said()),
    };
    eprintln!("stopped before write {n}: {write}");
    assert_not_recoverable(shop, &job).await;
    // A program that knows nothing of the other's journal.
    let app = App::v(2 * n + 2);
    take_over(shop, &app, &format!("other-{n}"), how).await;
    let before = shop.facts().await;
    program.go_on();
    let fate = program.fate().await;
    assert_eq!(fate, Fate::Ended(SUPERSEDED), "before write {n}, {write}:\n{}", program.said());
    // Nothing may land late either.
    tokio::time::sleep(millis(500)).await;
    assert_eq!(shop.facts().await, before, "before write {n}, {write}:\n{}", program.said());
    Some(write)
}

/// Who shares the journal of a program that is only stopped can't go on in its place, and touches nothing.
async fn assert_not_recoverable(shop: &Shop, job: &Job) {
    let before = shop.facts().await;
    let journal = FileJournal::open(&job.journals).unwrap();
    let rollout = quick(shop, &shop.cluster, &App::v(job.number), journal, job.fails).build().unwrap();
    let refused = match rollout.recover().await {
        Ok(handle) => handle.wait().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, RunError::Journal(JournalError::Locked { .. })), "{refused:?}");
    assert_eq!(shop.facts().await, before);
}

async fn take_over(shop: &Arc<Shop>, app: &App, journal: &str, how: TakeOver) {
    let rollout = quick(shop, &shop.cluster, app, shop.journal(journal), false).take_over().build().unwrap();
    let by_release = async || {
        let outcome = rollout.run(shop.release(app)).await.unwrap();
        assert!(outcome.is_promoted(), "{}", outcome.report());
    };
    match how {
        TakeOver::Release => by_release().await,
        TakeOver::RollBack => match rollout.roll_back("the other program hangs").await {
            Ok(handle) => {
                let outcome: Outcome = handle.wait().await.unwrap();
                assert!(outcome.is_rolled_back(), "{}", outcome.report());
            }
            Err(RunError::NothingToRollBackTo { .. }) => by_release().await,
            Err(error) => panic!("{error}"),
        },
    }
}

#[tokio::test]
async fn another_release_takes_over_from_a_rollout() {
    stop_before_every_write("stop-release", false, TakeOver::Release).await;
}

#[tokio::test]
async fn a_rollback_takes_over_from_a_rollout() {
    stop_before_every_write("stop-rollback", false, TakeOver::RollBack).await;
}

#[tokio::test]
async fn another_release_takes_over_from_a_rollback() {
    stop_before_every_write("stop-back", true, TakeOver::Release).await;
}
