//! Migration runners that are wrong in one way.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Description, MigrationRun, MigrationRunner, MigrationStatus, OldReleaseReport, PendingMigrations,
    Release, RolloutId,
};
use bluegreen_testkit::conformance::migration_runner::{Subject, suite};
use bluegreen_testkit::{World, WorldMigrations};

use crate::proof::{Row, prove};
use crate::world::migration_runner as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    NamesTheListAnew,
    RunsWhenAskedWhatIsPending,
    KeepsWhatIsPending,
    RunsEveryTime,
    KnowsOneRunOnly,
    TriesAgainAfterAFailure,
    GuessesThatNothingStarted,
    TrustsTheOldRelease,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::NamesTheListAnew, &["what_is_pending_has_a_name_of_its_own"]),
    (Wrong::RunsWhenAskedWhatIsPending, &["asking_runs_nothing"]),
    (Wrong::KeepsWhatIsPending, &["a_run_that_succeeds_leaves_nothing_pending"]),
    (
        Wrong::RunsEveryTime,
        &[
            "a_run_asked_for_again_is_not_performed_again",
            "a_run_asked_for_twice_at_once_is_performed_once",
            "a_dropped_run_goes_on_and_is_not_performed_again",
        ],
    ),
    (Wrong::KnowsOneRunOnly, &["runs_of_another_rollout_or_phase_are_others"]),
    (Wrong::TriesAgainAfterAFailure, &["a_failed_run_says_why_and_is_not_tried_again"]),
    (Wrong::GuessesThatNothingStarted, &["not_started_is_a_promise"]),
    (Wrong::TrustsTheOldRelease, &["the_old_release_is_judged_on_the_new_schema"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_migration_runner_can_fail() {
    let wrong = |wrong| suite("wrong", move || std::future::ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let world = world::world();
    let runner = WrongRunner {
        wrong,
        inner: world.migrations(),
        world: world.clone(),
        asked: AtomicU64::new(0),
        pending: Mutex::default(),
    };
    world::around(&world, runner)
}

#[derive(Debug)]
struct WrongRunner {
    wrong: Wrong,
    inner: WorldMigrations,
    world: World,
    asked: AtomicU64,
    /// What was pending first.
    pending: Mutex<Option<PendingMigrations>>,
}

impl WrongRunner {
    /// Another attempt at a run, under a name of its own.
    fn attempt(&self, run: &MigrationRun) -> MigrationRun {
        let attempt = self.asked.fetch_add(1, Ordering::Relaxed);
        let rollout = RolloutId::from(format!("{}-{attempt}", run.rollout));
        MigrationRun { rollout, ..run.clone() }
    }

    /// The last attempt at a run, or the run itself.
    fn last(&self, run: &MigrationRun) -> MigrationRun {
        let mut runs = self.world.migration_runs().into_iter();
        let found = match self.wrong {
            Wrong::KnowsOneRunOnly => runs.next(),
            _ => runs.rfind(|other| other.rollout.as_str().starts_with(run.rollout.as_str())),
        };
        found.unwrap_or_else(|| run.clone())
    }
}

#[async_trait]
impl MigrationRunner for WrongRunner {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    async fn pending(&self, release: &Release) -> Result<PendingMigrations, BackendError> {
        let mut pending = self.inner.pending(release).await?;
        match self.wrong {
            Wrong::NamesTheListAnew if !pending.migrations.is_empty() => {
                pending.set = format!("{} {}", pending.set, self.asked.fetch_add(1, Ordering::Relaxed));
            }
            Wrong::RunsWhenAskedWhatIsPending if self.asked.fetch_add(1, Ordering::Relaxed) == 1 => {
                let rollout = RolloutId::from("unasked".to_owned());
                let (release, set) = (release.clone(), pending.set.clone());
                let phase = bluegreen_core::MigrationPhase::Contract;
                self.inner.run(&MigrationRun { rollout, release, serving: None, set, phase }).await?;
            }
            Wrong::KeepsWhatIsPending => {
                let mut first = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(first.get_or_insert(pending).clone());
            }
            _ => {}
        }
        Ok(pending)
    }

    async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        if self.wrong == Wrong::RunsEveryTime {
            return self.inner.run(&self.attempt(run)).await;
        }
        match self.inner.run(run).await? {
            MigrationStatus::Failed { .. } if self.wrong == Wrong::TriesAgainAfterAFailure => {
                self.inner.run(&self.attempt(run)).await
            }
            status => Ok(status),
        }
    }

    async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        match self.wrong {
            Wrong::GuessesThatNothingStarted if !self.world.migration_runs().contains(run) => {
                Ok(MigrationStatus::NotStarted)
            }
            Wrong::RunsEveryTime | Wrong::KnowsOneRunOnly => self.inner.status(&self.last(run)).await,
            _ => self.inner.status(run).await,
        }
    }

    async fn old_release_works(&self, run: &MigrationRun) -> Result<OldReleaseReport, BackendError> {
        let report = self.inner.old_release_works(run).await?;
        Ok(OldReleaseReport { works: report.works || self.wrong == Wrong::TrustsTheOldRelease, ..report })
    }
}
