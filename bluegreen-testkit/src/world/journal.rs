//! The journal of the world.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{Journal, JournalError, Log, MemoryJournal, Record, RolloutId, Target};
use futures_util::FutureExt;

use super::fault::{Broken, Site};
use super::shared::Shared;
use super::state::State;
use super::trace::Note;

/// What appends are called.
pub(crate) const APPEND: &str = "journal.append";

/// The journal of a [`World`](super::World): a [`MemoryJournal`] whose appends are calls, named `journal.append`, that can
/// go wrong like any other.
#[derive(Debug, Clone)]
pub struct WorldJournal {
    shared: Arc<Shared>,
    kept: MemoryJournal,
}

impl WorldJournal {
    pub(crate) const fn new(shared: Arc<Shared>, kept: MemoryJournal) -> Self {
        Self { shared, kept }
    }
}

#[async_trait]
impl Journal for WorldJournal {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        self.kept.rollouts(target).await
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        let mut log = self.kept.load(target, rollout).await?;
        if self.shared.look(|state| state.torn) {
            log.notes.push("a torn last line was left out".to_owned());
        }
        Ok(log)
    }

    async fn append(&self, target: &Target, id: &RolloutId, at: u64, records: &[Record]) -> Result<(), JournalError> {
        let site = Site::new(APPEND, "append to", id.as_str());
        let (kept, owned) = (self.kept.clone(), (target.clone(), id.clone(), records.to_vec()));
        let append = move |state: &mut State, _| {
            let (target, id, records) = &owned;
            // An append to memory never waits.
            let appended = kept.append(target, id, at, records).now_or_never();
            let appended = appended.unwrap_or_else(|| Err(failed(id, Broken::Unknown)));
            if appended.is_ok() {
                state.laws.learn(records);
                state.trace.note(state.now, Note::Recorded(records.clone()));
            }
            appended
        };
        let answer = self.shared.deliver(&site, append).await.unwrap_or_else(|broken| Err(failed(id, broken)));
        self.shared.change(|state| state.laws.answered(id, answer.is_ok()));
        answer
    }
}

fn failed(id: &RolloutId, broken: Broken) -> JournalError {
    let why = match broken {
        Broken::Unavailable => "the test made this append fail",
        Broken::Unknown => "the test took the answer away",
        Broken::TimedOut => "no answer within a second",
    };
    JournalError::Io { journal: format!("the journal of {id}"), action: "written", source: why.into() }
}
