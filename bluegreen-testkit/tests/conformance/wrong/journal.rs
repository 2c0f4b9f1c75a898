//! Journals that are wrong in one way.

use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bluegreen_core::{Journal, JournalError, Log, MemoryJournal, RECORD_VERSION, Record, RolloutId, Target};
use bluegreen_testkit::conformance::journal::{Subject, suite};

use crate::proof::{Row, prove};
use crate::world::{done, journal as world};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    LoadsBackwards,
    ForgetsMembers,
    AppendsAnywhere,
    TestsBeforeItAppends,
    MixesTargets,
    ListsByName,
    TakesNothingForEmpty,
    TakesForeignRecords,
    TakesNewerRecords,
    EndsWithTheProcess,
    LocksReadersOut,
    AppendsOneByOne,
    CountsAHalfAppend,
    TakesDamageForNothing,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::LoadsBackwards, &["what_was_appended_is_loaded_in_order"]),
    (Wrong::ForgetsMembers, &["every_record_is_read_back_exactly"]),
    (Wrong::AppendsAnywhere, &["another_position_appends_nothing", "of_two_processes_only_one_goes_on"]),
    (Wrong::TestsBeforeItAppends, &["one_of_many_appends_at_once_wins"]),
    (Wrong::MixesTargets, &["rollouts_do_not_mix"]),
    (Wrong::ListsByName, &["rollouts_are_listed_oldest_first"]),
    (Wrong::TakesNothingForEmpty, &["what_was_never_recorded_is_missing"]),
    (Wrong::TakesForeignRecords, &["records_of_another_rollout_or_target_are_refused"]),
    (Wrong::TakesNewerRecords, &["records_of_a_newer_version_are_refused"]),
    (Wrong::EndsWithTheProcess, &["what_was_confirmed_is_there_for_the_next_process"]),
    (Wrong::LocksReadersOut, &["reading_changes_nothing_and_needs_no_lock"]),
    (Wrong::AppendsOneByOne, &["a_dropped_append_is_done_whole_or_not_at_all"]),
    (Wrong::CountsAHalfAppend, &["a_torn_append_is_told_and_never_counts"]),
    (Wrong::TakesDamageForNothing, &["what_can_not_be_read_is_an_error"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_journal_can_fail() {
    let wrong = |wrong| suite("wrong", move || ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let shared = Arc::new(Shared::default());
    let damaged = Arc::clone(&shared);
    let open = move || {
        let inner = match wrong {
            Wrong::EndsWithTheProcess => MemoryJournal::new(),
            _ => shared.journal.clone(),
        };
        let number = shared.opened.fetch_add(1, Ordering::Relaxed);
        ready(Ok(WrongJournal { wrong, inner, shared: Arc::clone(&shared), number }))
    };
    let damage = move |_, _| {
        damaged.damaged.store(true, Ordering::Relaxed);
        done()
    };
    match wrong {
        Wrong::CountsAHalfAppend => Subject::new(open).tears(damage),
        Wrong::TakesDamageForNothing => Subject::new(open).damages(damage),
        _ => Subject::new(open),
    }
}

/// What all processes share.
#[derive(Debug, Default)]
struct Shared {
    journal: MemoryJournal,
    opened: AtomicUsize,
    /// The process that appended first.
    writer: Mutex<Option<usize>>,
    damaged: AtomicBool,
}

#[derive(Debug)]
struct WrongJournal {
    wrong: Wrong,
    inner: MemoryJournal,
    shared: Arc<Shared>,
    number: usize,
}

impl WrongJournal {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    fn is_damaged(&self) -> bool {
        self.shared.damaged.load(Ordering::Relaxed)
    }

    async fn count(&self, target: &Target, rollout: &RolloutId) -> u64 {
        self.inner.load(target, rollout).await.map_or(0, |log| log.records.len() as u64)
    }

    /// What this journal keeps of a record.
    fn kept(&self, rollout: &RolloutId, mut record: Record) -> Record {
        match self.wrong {
            Wrong::ForgetsMembers => record.member = None,
            Wrong::TakesForeignRecords => record.rollout = rollout.clone(),
            Wrong::TakesNewerRecords => record.v = RECORD_VERSION,
            _ => {}
        }
        record
    }
}

#[async_trait]
impl Journal for WrongJournal {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        let mut rollouts = self.inner.rollouts(target).await?;
        if self.is(Wrong::ListsByName) {
            rollouts.sort();
        }
        if self.is(Wrong::MixesTargets) && target.name == "cart" {
            rollouts = self.inner.rollouts(&Target::new("shop", "checkout")).await?;
        }
        Ok(rollouts)
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        let writer = *self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is(Wrong::LocksReadersOut) && writer.is_some_and(|writer| writer != self.number) {
            return Err(JournalError::Locked { journal: "the journal".to_owned() });
        }
        let mut log = match self.inner.load(target, rollout).await {
            Err(JournalError::Missing { .. }) if self.is(Wrong::TakesNothingForEmpty) => return Ok(Log::default()),
            log => log?,
        };
        match self.wrong {
            Wrong::LoadsBackwards => log.records.reverse(),
            Wrong::CountsAHalfAppend if self.is_damaged() => {
                log.records.truncate(3);
                log.notes.push("the end was torn".to_owned());
            }
            Wrong::TakesDamageForNothing if self.is_damaged() => log.records.clear(),
            _ => {}
        }
        Ok(log)
    }

    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError> {
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(self.number);
        let records: Vec<_> = records.iter().map(|record| self.kept(rollout, record.clone())).collect();
        let position = match self.wrong {
            Wrong::AppendsAnywhere => self.count(target, rollout).await,
            Wrong::TestsBeforeItAppends if self.count(target, rollout).await == position => {
                tokio::task::yield_now().await;
                self.count(target, rollout).await
            }
            _ => position,
        };
        if !self.is(Wrong::AppendsOneByOne) {
            return self.inner.append(target, rollout, position, &records).await;
        }
        for (position, record) in (position..).zip(&records) {
            self.inner.append(target, rollout, position, std::slice::from_ref(record)).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
