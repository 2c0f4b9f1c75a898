//! What every [`MigrationRunner`] has to hold.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    MigrationPhase, MigrationRun, MigrationRunner, MigrationStatus, PendingMigrations, Release, RolloutId,
};
use tokio::time::timeout;

use super::case::{Harness, Rule, Suite, rule};
use super::check::{MOMENT, dropped_after, ensure, same, until};
use super::lever::{Lever, pull};
use super::{Checked, Failure};

/// A runner with something to run, and what its harness can do to it. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    runner: Arc<dyn MigrationRunner>,
    release: Release,
    performed: Lever<(), usize>,
    breaks: Option<Lever<()>>,
    old_breaks: Option<Lever<()>>,
    delays: Option<Lever<()>>,
    patience: Duration,
}

/// For harnesses.
impl Subject {
    /// A runner, a release for which something is pending, and a way to find out how often anything was really performed
    /// so far, whoever asked for it.
    pub fn new<F>(
        runner: impl MigrationRunner,
        release: Release,
        performed: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<usize, Failure>> + Send + 'static,
    {
        Self {
            runner: Arc::new(runner),
            release,
            performed: Lever::new(move |()| performed()),
            breaks: None,
            old_breaks: None,
            delays: None,
            patience: Duration::from_secs(60),
        }
    }

    /// Offers to let every run from now on fail.
    #[must_use]
    pub fn breaks<F>(mut self, break_it: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.breaks = Some(Lever::new(move |()| break_it()));
        self
    }

    /// Offers to let the old release not work on the new schema.
    #[must_use]
    pub fn old_release_breaks<F>(mut self, break_it: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.old_breaks = Some(Lever::new(move |()| break_it()));
        self
    }

    /// Offers to hold the next request for a run back for less than the patience of the cases, whatever becomes of its
    /// sender.
    #[must_use]
    pub fn delays<F>(mut self, delay: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.delays = Some(Lever::new(move |()| delay()));
        self
    }

    /// How long a case waits for a run to end; a minute by default.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// For cases.
impl Subject {
    async fn pending(&self) -> Result<PendingMigrations, Failure> {
        Ok(self.runner.pending(&self.release).await?)
    }

    /// The run that cases ask for.
    async fn wanted(&self) -> Result<MigrationRun, Failure> {
        Ok(MigrationRun {
            rollout: RolloutId::from("20261122t040506-1a2b3c4d".to_owned()),
            release: self.release.clone(),
            serving: None,
            set: self.pending().await?.set,
            phase: MigrationPhase::Expand,
        })
    }

    async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, Failure> {
        match timeout(self.patience, self.runner.run(run)).await {
            Ok(status) => Ok(status?),
            Err(_) => Err(Failure::new(format!("a run didn't end within {:?}", self.patience))),
        }
    }

    async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, Failure> {
        Ok(self.runner.status(run).await?)
    }

    async fn performed(&self) -> Result<usize, Failure> {
        self.performed.pull(()).await
    }

    /// Waits until a run has ended by itself.
    async fn ended(&self, run: &MigrationRun) -> Result<MigrationStatus, Failure> {
        let ended = |status: &MigrationStatus| !matches!(status, MigrationStatus::Running);
        until("the run has ended", self.patience, || self.status(run), ended).await
    }
}

/// The cases of a [`MigrationRunner`] for the backend that `harness` makes. Every subject
/// begins with something pending and nothing performed.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(what_is_pending_has_a_name_of_its_own),
        rule!(asking_runs_nothing),
        rule!(a_run_that_succeeds_leaves_nothing_pending),
        rule!(a_run_asked_for_again_is_not_performed_again),
        rule!(a_run_asked_for_twice_at_once_is_performed_once),
        rule!(a_dropped_run_goes_on_and_is_not_performed_again),
        rule!(runs_of_another_rollout_or_phase_are_others),
        rule!(a_failed_run_says_why_and_is_not_tried_again, |subject| subject.breaks.is_some()),
        rule!(not_started_is_a_promise, |subject| subject.delays.is_some()),
        rule!(the_old_release_is_judged_on_the_new_schema, |subject| subject.old_breaks.is_some()),
    ]
}

/// The same list has the same name, and one with something in it has a name at all.
pub async fn what_is_pending_has_a_name_of_its_own(subject: &Subject) -> Checked {
    let pending = subject.pending().await?;
    ensure!(!pending.migrations.is_empty(), "the harness has to have something pending");
    ensure!(!pending.set.is_empty(), "what is pending has a name: {pending:?}");
    same("what is pending, asked again", subject.pending().await?, pending)
}

/// Asking what is pending, and how a run is doing, runs nothing; a run that wasn't asked for isn't started.
pub async fn asking_runs_nothing(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    for _ in 0..2 {
        subject.pending().await?;
        same("the status of a run that nobody asked for", subject.status(&run).await?, MigrationStatus::NotStarted)?;
    }
    same("how often anything was performed", subject.performed().await?, 0)
}

/// A run that succeeds is told so with its log, its status stays so, and nothing is pending any more.
pub async fn a_run_that_succeeds_leaves_nothing_pending(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    let status = subject.run(&run).await?;
    ensure!(matches!(&status, MigrationStatus::Succeeded { .. }), "the run was to succeed: {status:?}");
    same("the status afterwards", subject.status(&run).await?, status)?;
    same("what is pending afterwards", subject.pending().await?, PendingMigrations::default())?;
    same("how often anything was performed", subject.performed().await?, 1)
}

/// A run that is asked for again is found, not performed again.
pub async fn a_run_asked_for_again_is_not_performed_again(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    let first = subject.run(&run).await?;
    for _ in 0..2 {
        same("what the run came to, asked again", subject.run(&run).await?, first.clone())?;
    }
    same("how often it was performed", subject.performed().await?, 1)
}

/// A run that two ask for at once is performed once, and both are told how it ended.
pub async fn a_run_asked_for_twice_at_once_is_performed_once(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    let (first, second) = tokio::join!(subject.run(&run), subject.run(&run));
    same("what both are told", first?, second?)?;
    same("how often it was performed", subject.performed().await?, 1)
}

/// Giving up to wait doesn't stop a run, and who asks again finds it.
pub async fn a_dropped_run_goes_on_and_is_not_performed_again(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    for waits in 0..4 {
        let _ = dropped_after(waits, subject.runner.run(&run)).await;
    }
    let status = match subject.ended(&run).await? {
        // None of them got as far as to begin it.
        MigrationStatus::NotStarted => subject.run(&run).await?,
        ended => ended,
    };
    ensure!(matches!(&status, MigrationStatus::Succeeded { .. }), "the run was to succeed: {status:?}");
    same("what it came to, asked again", subject.run(&run).await?, status)?;
    same("how often it was performed", subject.performed().await?, 1)
}

/// A run is identified by rollout, set and phase: one of another rollout, or of another phase, is not started.
pub async fn runs_of_another_rollout_or_phase_are_others(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    subject.run(&run).await?;
    let other_rollout = MigrationRun { rollout: RolloutId::from("another".to_owned()), ..run.clone() };
    let other_phase = MigrationRun { phase: MigrationPhase::Contract, ..run.clone() };
    let other_set = MigrationRun { set: format!("{}-and-more", run.set), ..run };
    for other in [other_rollout, other_phase, other_set] {
        same(format!("the status of {other:?}"), subject.status(&other).await?, MigrationStatus::NotStarted)?;
    }
    Ok(())
}

/// A run that fails is told so with a reason, its status stays so, and who asks again doesn't try again.
pub async fn a_failed_run_says_why_and_is_not_tried_again(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    pull(subject.breaks.as_ref(), ()).await?;
    let failed = subject.run(&run).await?;
    ensure!(
        matches!(&failed, MigrationStatus::Failed { reason, .. } if !reason.is_empty()),
        "a run that fails says why, but it came to {failed:?}"
    );
    same("the status afterwards", subject.status(&run).await?, failed.clone())?;
    same("what it came to, asked again", subject.run(&run).await?, failed)?;
    same("how often it was performed", subject.performed().await?, 1)
}

/// Who is told that a run is not started can rely on it: not even a request that is on its way starts it any more.
pub async fn not_started_is_a_promise(subject: &Subject) -> Checked {
    let run = subject.wanted().await?;
    pull(subject.delays.as_ref(), ()).await?;
    let _ = timeout(MOMENT * 2, subject.runner.run(&run)).await;
    if subject.status(&run).await? == MigrationStatus::NotStarted {
        tokio::time::sleep(subject.patience).await;
        same("how often it was performed, after it was told as not started", subject.performed().await?, 0)?;
        return same("the status", subject.status(&run).await?, MigrationStatus::NotStarted);
    }
    subject.ended(&run).await?;
    same("how often it was performed", subject.performed().await?, 1)
}

/// The runner says whether the release that serves works on the new schema, and what that rests on.
pub async fn the_old_release_is_judged_on_the_new_schema(subject: &Subject) -> Checked {
    let run = MigrationRun { serving: Some(Release::version("v1")), ..subject.wanted().await? };
    subject.run(&run).await?;
    for expected in [true, false] {
        let report = subject.runner.old_release_works(&run).await?;
        same("whether the old release works", report.works, expected)?;
        ensure!(!report.evidence.is_empty(), "a report says what it rests on");
        if expected {
            pull(subject.old_breaks.as_ref(), ()).await?;
        }
    }
    Ok(())
}
