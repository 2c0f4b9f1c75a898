//! The schema that both colors use, and the ledger of what was run on it.

use std::collections::BTreeSet;
use std::time::Duration;

use bluegreen_core::{MigrationPhase, MigrationRun, MigrationStatus, PendingMigrations, Release};

use super::state::State;

/// What separates the migrations in the name of a set.
const AND: &str = "+";
/// How long a run takes.
const RUN_TIME: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// What is still to be run before a new release can serve.
    pub(crate) pending: Vec<String>,
    /// Why every run fails, if it does.
    pub(crate) failure: Option<String>,
    /// Why the old release doesn't work on the new schema, if it doesn't.
    pub(crate) incompatible: Option<String>,
    runs: Vec<Entry>,
    /// Grows whenever somebody was told that a run wasn't started; what was sent before can't start any more.
    barrier: u64,
}

#[derive(Debug)]
struct Entry {
    run: MigrationRun,
    /// Who served when it began.
    serving: Option<Release>,
    ends: Duration,
    failure: Option<String>,
}

impl Schema {
    pub(crate) fn pending(&self) -> PendingMigrations {
        PendingMigrations { set: self.pending.join(AND), migrations: self.pending.clone() }
    }

    /// What a start that is sent now has to carry.
    pub(crate) const fn barrier(&self) -> u64 {
        self.barrier
    }

    /// The migrations that the schema has already and that a run would apply once more.
    fn repeated(&self, run: &MigrationRun) -> Option<String> {
        let runs = self.runs.iter().filter(|entry| entry.failure.is_none() && entry.run.phase == run.phase);
        let applied: BTreeSet<_> = runs.flat_map(|entry| entry.run.set.split(AND)).collect();
        let repeated: Vec<_> = run.set.split(AND).filter(|name| applied.contains(name)).collect();
        (!repeated.is_empty()).then(|| repeated.join(", "))
    }

    fn begin(&mut self, run: &MigrationRun, serving: Option<Release>, now: Duration) {
        if self.failure.is_none() && run.phase == MigrationPhase::Expand {
            self.pending.clear();
        }
        let (ends, failure) = (now.saturating_add(RUN_TIME), self.failure.clone());
        self.runs.push(Entry { run: run.clone(), serving, ends, failure });
    }

    /// Whether `release` can't work on what the schema has become.
    pub(crate) fn breaks(&self, release: &Release, now: Duration) -> bool {
        let expanded =
            |entry: &Entry| entry.run.phase == MigrationPhase::Expand && entry.failure.is_none() && entry.ends <= now;
        let left_behind = |entry: &Entry| expanded(entry) && entry.serving.as_ref() == Some(release);
        self.incompatible.is_some() && self.runs.iter().any(left_behind)
    }

    /// How a run is doing. To say that it wasn't started makes sure that it isn't.
    pub(crate) fn status(&mut self, run: &MigrationRun, now: Duration) -> MigrationStatus {
        let Some(entry) = self.entry(run) else {
            self.barrier += 1;
            return MigrationStatus::NotStarted;
        };
        entry.status(now)
    }

    /// What a run came to; `None` while it goes on.
    pub(crate) fn ended(&self, run: &MigrationRun, now: Duration) -> Option<MigrationStatus> {
        let status = self.entry(run)?.status(now);
        (status != MigrationStatus::Running).then_some(status)
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &MigrationRun> {
        self.runs.iter().map(|entry| &entry.run)
    }

    pub(crate) fn next_event(&self, now: Duration) -> Option<Duration> {
        self.runs.iter().map(|entry| entry.ends).filter(|ends| *ends > now).min()
    }

    /// The run with this identity: rollout, set and phase.
    fn entry(&self, run: &MigrationRun) -> Option<&Entry> {
        let same = |entry: &&Entry| {
            let other = &entry.run;
            (&other.rollout, &other.set, other.phase) == (&run.rollout, &run.set, run.phase)
        };
        self.runs.iter().find(same)
    }
}

impl State {
    /// Starts a run unless it is in the ledger. Returns `false` if somebody was told since `barrier` that it wasn't
    /// started: then it mustn't be.
    pub(crate) fn start_migrations(&mut self, run: &MigrationRun, barrier: u64) -> bool {
        if self.schema.entry(run).is_some() {
            return true;
        }
        if barrier != self.schema.barrier {
            return false;
        }
        if let Some(repeated) = self.schema.repeated(run) {
            self.violated(4, &format!("migration {repeated} ran twice"));
        }
        let serving = self.observe_route().active().and_then(|color| self.slot(color).deployment.as_ref());
        let serving = serving.map(|deployment| deployment.release.clone());
        self.schema.begin(run, serving, self.now);
        true
    }
}

impl Entry {
    fn status(&self, now: Duration) -> MigrationStatus {
        if now < self.ends {
            return MigrationStatus::Running;
        }
        let log = format!("ran {} for {}", self.run.set, self.run.release);
        match &self.failure {
            None => MigrationStatus::Succeeded { log },
            Some(reason) => MigrationStatus::Failed { reason: reason.clone(), log },
        }
    }
}
