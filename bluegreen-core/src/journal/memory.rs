//! Journals that end with the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::lines;
use crate::ids::RolloutId;
use crate::record::{Journal, JournalError, Log, Record};
use crate::target::Target;

/// A [`Journal`] in memory, for tests and for programs that never recover a rollout.
///
/// Clones share their records. Nothing survives the process: after a crash the route and both colors still say who
/// serves, but not why, and the rollout can't be recovered.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    rollouts: Arc<Mutex<Vec<Kept>>>,
}

/// The records of one rollout.
#[derive(Debug)]
struct Kept {
    target: Target,
    rollout: RolloutId,
    records: Vec<Record>,
}

impl Kept {
    fn is(&self, target: &Target, rollout: &RolloutId) -> bool {
        self.target == *target && self.rollout == *rollout
    }
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every change is a single push, so what a panicking thread left behind is whole.
    fn rollouts(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.rollouts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        let rollouts = self.rollouts();
        let of_target = rollouts.iter().filter(|kept| kept.target == *target);
        Ok(of_target.map(|kept| kept.rollout.clone()).collect())
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        let rollouts = self.rollouts();
        let kept = rollouts.iter().find(|kept| kept.is(target, rollout));
        let kept = kept.ok_or_else(|| JournalError::Missing { journal: name(target), rollout: rollout.clone() })?;
        Ok(Log { records: kept.records.clone(), notes: Vec::new() })
    }

    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError> {
        for record in records {
            lines::check(&name(target), target, rollout, record)?;
        }
        let mut rollouts = self.rollouts();
        let kept = rollouts.iter_mut().find(|kept| kept.is(target, rollout));
        let found = kept.as_ref().map_or(0, |kept| kept.records.len() as u64);
        if found != position {
            return Err(JournalError::Moved { journal: name(target), expected: position, found });
        }
        match kept {
            Some(kept) => kept.records.extend_from_slice(records),
            None if records.is_empty() => {}
            None => rollouts.push(Kept { target: target.clone(), rollout: rollout.clone(), records: records.to_vec() }),
        }
        Ok(())
    }
}

/// What errors call the journal.
fn name(target: &Target) -> String {
    format!("the journal of {target} in memory")
}
