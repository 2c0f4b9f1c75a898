//! An observer that keeps what it is told.

use std::fmt;
use std::time::Duration;

use bluegreen_core::{Observer, Record, Update};
use tokio::sync::watch;
use tokio::time::timeout;

/// An observer that keeps every update, and lets a test wait for one.
#[derive(Debug, Clone)]
pub struct RecordingObserver {
    updates: watch::Sender<Vec<Update>>,
}

impl Default for RecordingObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordingObserver {
    /// An observer that was told nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { updates: watch::Sender::new(Vec::new()) }
    }

    /// What it was told, in order.
    #[must_use]
    pub fn updates(&self) -> Vec<Update> {
        self.updates.borrow().clone()
    }

    /// What was journaled, in order.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let updates = self.updates.borrow();
        let records = updates.iter().filter_map(|update| match update {
            Update::Recorded(record) => Some(Record::clone(record)),
            _ => None,
        });
        records.collect()
    }

    /// Returns the first update that `wanted` accepts: at once if it has come already, or when it comes, at most `within`
    /// from now.
    pub async fn wait_for(
        &self,
        within: Duration,
        mut wanted: impl FnMut(&Update) -> bool + Send,
    ) -> Result<Update, NotSeen> {
        let mut updates = self.updates.subscribe();
        let (mut looked_at, mut found) = (0, None);
        let look = updates.wait_for(|updates| {
            found = updates.iter().skip(looked_at).find(|update| wanted(update)).cloned();
            looked_at = updates.len();
            found.is_some()
        });
        let seen = timeout(within, look).await.is_ok();
        found.filter(|_| seen).ok_or_else(|| {
            let updates = self.updates.borrow();
            NotSeen { within, told: updates.len(), last: updates.last().cloned() }
        })
    }
}

impl Observer for RecordingObserver {
    fn notify(&self, update: &Update) {
        self.updates.send_modify(|updates| updates.push(update.clone()));
    }
}

/// No update that was waited for came in time.
#[derive(Debug, Clone, PartialEq)]
pub struct NotSeen {
    /// How long was waited.
    pub within: Duration,
    /// How many other updates came.
    pub told: usize,
    /// The last of them.
    pub last: Option<Update>,
}

impl fmt::Display for NotSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no update as wanted within {:?}; of {} others ", self.within, self.told)?;
        match &self.last {
            Some(last) => write!(f, "the last was {last:?}"),
            None => f.write_str("none came"),
        }
    }
}

impl std::error::Error for NotSeen {}
