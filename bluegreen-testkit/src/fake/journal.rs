//! A journal that fails when a test says so.

use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bluegreen_core::{Journal, JournalError, Log, Record, RolloutId, Target};

/// A journal in front of another one, whose appends fail when a test says so.
///
/// ```
/// use bluegreen_core::MemoryJournal;
/// use bluegreen_testkit::fake::{AppendFault, FaultyJournal};
///
/// let journal = FaultyJournal::over(MemoryJournal::new());
/// journal.fail(3..=3, AppendFault::ErrorAfterAppend); // the third
/// journal.fail(10.., AppendFault::Error); // and from the tenth on it is down
/// ```
#[derive(Debug, Clone)]
pub struct FaultyJournal<J> {
    behind: J,
    plan: Arc<Mutex<Plan>>,
}

/// What goes wrong with one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFault {
    /// It fails, and nothing was appended.
    Error,
    /// It fails, but everything was appended.
    ErrorAfterAppend,
    /// It never returns, and nothing is appended.
    Hang,
}

#[derive(Debug, Default)]
struct Plan {
    appends: u64,
    faults: Vec<(Numbers, AppendFault)>,
}

type Numbers = (Bound<u64>, Bound<u64>);

impl<J: Journal> FaultyJournal<J> {
    /// Puts faults in front of `journal`. Until the first is planned it is that journal.
    pub fn over(journal: J) -> Self {
        Self { behind: journal, plan: Arc::default() }
    }

    /// Lets the appends with these numbers go wrong; the first is 1. Of several faults for one append the first counts.
    pub fn fail(&self, appends: impl RangeBounds<u64>, fault: AppendFault) {
        let numbers = (appends.start_bound().cloned(), appends.end_bound().cloned());
        self.plan().faults.push((numbers, fault));
    }

    /// How often something was to be appended, failures included.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.plan().appends
    }

    /// Counts an append, and says what goes wrong with it.
    fn begin(&self) -> Option<AppendFault> {
        let mut plan = self.plan();
        plan.appends += 1;
        let number = plan.appends;
        plan.faults.iter().find(|(numbers, _)| numbers.contains(&number)).map(|(_, fault)| *fault)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<J: Journal> Journal for FaultyJournal<J> {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        self.behind.rollouts(target).await
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        self.behind.load(target, rollout).await
    }

    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError> {
        match self.begin() {
            None => self.behind.append(target, rollout, position, records).await,
            Some(AppendFault::Error) => Err(failed(target)),
            Some(AppendFault::ErrorAfterAppend) => {
                self.behind.append(target, rollout, position, records).await?;
                Err(failed(target))
            }
            Some(AppendFault::Hang) => std::future::pending().await,
        }
    }
}

fn failed(target: &Target) -> JournalError {
    JournalError::Io {
        journal: format!("the journal of {target}"),
        action: "written",
        source: "the test made this append fail".into(),
    }
}
