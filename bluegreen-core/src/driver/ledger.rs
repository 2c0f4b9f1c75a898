//! Writing the journal: what is known is kept here until it has to be durable.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ids::{Holder, RolloutId};
use crate::record::{Event, Journal, JournalError, RECORD_VERSION, Record};
use crate::stage::Stage;
use crate::target::Target;

/// Samples alone are kept this long at most before they are synced; a crash loses no more than that.
const SAMPLES_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// How long one append may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The journal of one rollout, and what isn't in it yet.
#[derive(Debug)]
pub(crate) struct Ledger {
    journal: Arc<dyn Journal>,
    target: Target,
    rollout: RolloutId,
    position: u64,
    pending: Vec<Record>,
    /// Whether an append was sent whose fate is unknown.
    unsure: bool,
}

impl Ledger {
    /// A ledger that goes on after `position` records.
    pub(crate) fn new(journal: Arc<dyn Journal>, target: Target, rollout: RolloutId, position: u64) -> Self {
        Self { journal, target, rollout, position, pending: Vec::new(), unsure: false }
    }

    pub(crate) fn record(&self, at: Timestamp, holder: &Holder, stage: Stage, event: Event) -> Record {
        let (rollout, holder) = (self.rollout.clone(), holder.clone());
        Record { v: RECORD_VERSION, at, rollout, holder, member: None, stage, event }
    }

    pub(crate) fn push(&mut self, record: Record) {
        self.pending.push(record);
    }

    /// Whether something is pending that shouldn't wait while nothing else happens.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let aged = |record: &Record| now.duration_since(record.at) >= SAMPLES_WAIT;
        self.pending.iter().any(|record| !matches!(record.event, Event::Sampled(_)))
            || self.pending.first().is_some_and(aged)
    }

    /// Makes everything that is pending durable, in one append, and returns it. May be dropped: then the next call looks
    /// first what became of it.
    pub(crate) async fn flush(&mut self) -> Result<Vec<Record>, JournalError> {
        let mut durable = if self.unsure { self.look().await? } else { Vec::new() };
        if self.pending.is_empty() {
            return Ok(durable);
        }
        self.unsure = true;
        match self.append().await {
            Err(JournalError::Io { .. }) => {
                durable.extend(self.look().await?);
                self.unsure = true;
                self.append().await?;
            }
            result => result?,
        }
        self.unsure = false;
        self.position += self.pending.len() as u64;
        durable.append(&mut self.pending);
        Ok(durable)
    }

    async fn append(&self) -> Result<(), JournalError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let append = self.journal.append(&self.target, &self.rollout, self.position, &self.pending);
        match tokio::time::timeout(DEADLINE, append).await {
            Ok(result) => result,
            Err(elapsed) => Err(self.failed(elapsed)),
        }
    }

    /// Whether a failed append happened is unknown: the journal is read before anything is appended again. Returns what
    /// of the pending records is in it. Records of somebody else make the next append fail.
    async fn look(&mut self) -> Result<Vec<Record>, JournalError> {
        let load = self.journal.load(&self.target, &self.rollout);
        let log = match tokio::time::timeout(DEADLINE, load).await {
            Ok(Err(JournalError::Missing { .. })) if self.position == 0 => Default::default(),
            Ok(log) => log?,
            Err(elapsed) => return Err(self.failed(elapsed)),
        };
        let tail = log.records.get(self.position as usize..).unwrap_or_default();
        if !self.pending.starts_with(tail) {
            return Ok(Vec::new());
        }
        self.unsure = false;
        self.position += tail.len() as u64;
        Ok(self.pending.drain(..tail.len()).collect())
    }

    fn failed(&self, source: tokio::time::error::Elapsed) -> JournalError {
        let journal = format!("the journal of {}", self.rollout);
        JournalError::Io { journal, action: "written in time", source: Box::new(source) }
    }
}
