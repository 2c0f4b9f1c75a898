//! Journals as files.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use super::lines;
use super::place::{Folder, Place, io_error};
use super::writer::{self, Writer};
use crate::ids::RolloutId;
use crate::record::{Event, Journal, JournalError, Log, Record};
use crate::target::Target;

/// How long one call may take. Far more than a disk needs; but a network mount that is gone must not hang a rollout.
const DEADLINE: Duration = Duration::from_secs(10);

/// A [`Journal`] of plain files: `<folder>/<namespace>/<name>/<rollout>.jsonl`, one JSON object per line, for people and
/// `jq`.
///
/// An append is one write at the end of the file, synced to the disk before it returns; nothing that was confirmed is
/// ever rewritten. An append that a crash cut short doesn't count: loading says so in [`Log::notes`], and the next append
/// first moves it to `<rollout>.torn`.
///
/// The first append to a rollout locks its file against all other processes, and against other `FileJournal`s in this
/// one, until the rollout has ended or the last clone of this value is dropped. Clones share the lock. Reading needs none.
///
/// Needs a tokio runtime with its time enabled. A call that is dropped, or takes longer than ten seconds, is finished in
/// the background; the next call for the same rollout waits for it.
#[derive(Debug, Clone)]
pub struct FileJournal {
    root: PathBuf,
    /// The files that this program appends to.
    slots: Arc<Mutex<HashMap<PathBuf, Slot>>>,
}

/// The writer of one journal, once there is one. Whoever holds the mutex is the only one in this program who reads or
/// appends.
type Slot = Arc<tokio::sync::Mutex<Option<Writer>>>;

impl FileJournal {
    /// Keeps journals in `folder`, which is made if it isn't there.
    ///
    /// # Errors
    ///
    /// [`JournalError::Io`] if there is no such folder and none can be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let root = folder.into();
        fs::create_dir_all(&root).map_err(|error| io_error(&root, "created", error))?;
        Ok(Self { root, slots: Arc::default() })
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<PathBuf, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of a journal that is to be appended to.
    fn slot(&self, place: &Place) -> Slot {
        Arc::clone(self.slots().entry(place.file()).or_default())
    }

    /// The slot of a journal that this program appends to.
    fn slot_in_use(&self, place: &Place) -> Option<Slot> {
        self.slots().get(&place.file()).map(Arc::clone)
    }
}

#[async_trait]
impl Journal for FileJournal {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        let folder = Folder::new(&self.root, target)?;
        bounded(folder.path(), "listed", spawn_blocking(move || folder.rollouts())).await
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        let place = Place::new(&self.root, target, rollout)?;
        let slot = self.slot_in_use(&place);
        let file = place.file();
        let load = async move {
            // An append that is under way in this program is waited for.
            let alone = match slot {
                Some(slot) => Some(slot.lock_owned().await),
                None => None,
            };
            spawn_blocking(move || {
                let log = place.load();
                drop(alone);
                log
            })
            .await
        };
        bounded(file, "read", load).await
    }

    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError> {
        let place = Place::new(&self.root, target, rollout)?;
        records.iter().try_for_each(|record| place.check(record))?;
        let text = lines::encode(records).map_err(|error| place.io("written", error))?;
        let count = records.len() as u64;
        let ended = records.iter().any(|record| matches!(record.event, Event::Ended(_)));
        let (slot, file) = (self.slot(&place), place.file());
        let append = async move {
            let mut writer = slot.lock_owned().await;
            spawn_blocking(move || {
                writer::append(&mut writer, &place, position, &text, count)?;
                if ended {
                    // Gives the lock back.
                    *writer = None;
                }
                Ok(())
            })
            .await
        };
        bounded(file.clone(), "written", append).await?;
        if ended {
            self.slots().remove(&file);
        }
        Ok(())
    }
}

/// Waits for `work` on another thread, but not for longer than the deadline. An error names the `journal` and the `action`.
async fn bounded<T, W>(journal: PathBuf, action: &'static str, work: W) -> Result<T, JournalError>
where
    W: Future<Output = Result<Result<T, JournalError>, JoinError>>,
{
    match timeout(DEADLINE, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(shutdown)) => Err(io_error(&journal, action, shutdown)),
        Err(_) => {
            let late = format!("no answer from the disk within {} s", DEADLINE.as_secs());
            Err(io_error(&journal, action, late))
        }
    }
}
