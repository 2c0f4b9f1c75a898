//! Appending is compare-and-set, all or nothing, and nothing is mixed up.

use bluegreen_core::{Journal, JournalError, RECORD_VERSION, Record, Target};
use futures_util::future::join_all;

use super::records::{capacity, ended, hard_to_keep, other_rollout, record, rollout, started, target};
use super::subject::{Subject, append, load};
use crate::conformance::check::{ensure, same};
use crate::conformance::{Checked, Failure};

/// Fails unless an append was refused because of its position.
fn moved(result: Result<(), JournalError>, expected: u64, found: u64) -> Checked {
    match result {
        Err(JournalError::Moved { expected: asked, found: told, .. }) => {
            same("the positions that the error tells", (asked, told), (expected, found))
        }
        other => {
            Err(Failure::new(format!("an append at {expected} of {found} records has moved, but came to {other:?}")))
        }
    }
}

/// What was appended, one by one or together, is loaded in order.
pub async fn what_was_appended_is_loaded_in_order(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    let all = [started(target()), capacity(1), capacity(2), capacity(3), ended()];
    for (from, to) in [(0, 1), (1, 4), (4, 5)] {
        append(&*journal, from as u64, &all[from..to]).await?;
        let log = load(&*journal).await?;
        same("the records", &log.records[..], &all[..to])?;
        ensure!(log.notes.is_empty(), "nothing is wrong with the journal, but it says {:?}", log.notes);
    }
    Ok(())
}

/// What is hard to keep is read back exactly.
pub async fn every_record_is_read_back_exactly(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    let records = hard_to_keep();
    append(&*journal, 0, &records).await?;
    let loaded = load(&*journal).await?.records;
    same("how many records there are", loaded.len(), records.len())?;
    for (loaded, record) in loaded.iter().zip(&records) {
        same("the record", loaded, record)?;
    }
    Ok(())
}

/// An append at another position than the end appends nothing, and tells where the end is.
pub async fn another_position_appends_nothing(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    moved(append(&*journal, 1, &[capacity(1)]).await, 1, 0)?;
    ensure!(load(&*journal).await.is_err(), "an append that was refused began a journal");
    let there = [started(target()), capacity(1)];
    append(&*journal, 0, &there).await?;
    for position in [0, 1, 3] {
        moved(append(&*journal, position, &[capacity(8), capacity(9)]).await, position, 2)?;
        same("the records, after an append was refused", &load(&*journal).await?.records[..], &there[..])?;
    }
    Ok(())
}

/// Of many appends at one position at once exactly one wins, whole.
pub async fn one_of_many_appends_at_once_wins(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    append(&*journal, 0, &[started(target())]).await?;
    let batches: Vec<_> = (0..8).map(|writer| [capacity(2 * writer), capacity(2 * writer + 1)]).collect();
    let results = join_all(batches.iter().map(|batch| append(&*journal, 1, batch))).await;
    let mut winners = Vec::new();
    for (batch, result) in batches.iter().zip(results) {
        match result {
            Ok(()) => winners.push(batch),
            lost => moved(lost, 1, 3)?,
        }
    }
    let [winner] = winners[..] else {
        return Err(Failure::new(format!("exactly one of eight appends wins, but {} did", winners.len())));
    };
    same("the records", &load(&*journal).await?.records[1..], &winner[..])
}

/// Of two processes that append after the same records only one goes on; the other one is told, and appends nothing.
pub async fn of_two_processes_only_one_goes_on(subject: &Subject) -> Checked {
    let (first, second) = (subject.open().await?, subject.open().await?);
    append(&*first, 0, &[started(target()), capacity(1)]).await?;
    let late = append(&*second, 1, &[capacity(9)]).await;
    ensure!(
        matches!(late, Err(JournalError::Moved { .. } | JournalError::Locked { .. })),
        "another process has appended meanwhile, but this one is told {late:?}"
    );
    append(&*first, 2, &[capacity(2)]).await?;
    let expected = [started(target()), capacity(1), capacity(2)];
    same("the records, read by the other process", &load(&*second).await?.records[..], &expected[..])
}

/// Each rollout of each target has positions and records of its own.
pub async fn rollouts_do_not_mix(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    let places = [
        (target(), rollout()),
        (target(), other_rollout(0)),
        (Target::new("shop", "cart"), rollout()),
        (Target::new("other", "checkout"), rollout()),
    ];
    let records = |number: usize| {
        let (target, rollout) = &places[number];
        let own = |record: Record| Record { rollout: rollout.clone(), ..record };
        [own(started(target.clone())), own(capacity(number as u32))]
    };
    for (number, (target, rollout)) in places.iter().enumerate() {
        journal.append(target, rollout, 0, &records(number)).await?;
    }
    for (number, (target, rollout)) in places.iter().enumerate() {
        let log = journal.load(target, rollout).await?;
        same(format!("the records of {rollout} of {target}"), &log.records[..], &records(number)[..])?;
    }
    same("the rollouts of a target", journal.rollouts(&places[2].0).await?, vec![rollout()])
}

/// The rollouts of a target are listed oldest first, whatever they are called.
pub async fn rollouts_are_listed_oldest_first(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    let rollouts: Vec<_> = (0..4).map(other_rollout).collect();
    for (number, rollout) in (0..).zip(&rollouts) {
        let first = Record { rollout: rollout.clone(), ..record(number, started(target()).event) };
        journal.append(&target(), rollout, 0, &[first]).await?;
    }
    same("the rollouts", &journal.rollouts(&target()).await?, &rollouts)?;
    same("the rollouts of another target", journal.rollouts(&Target::new("shop", "cart")).await?, Vec::new())
}

/// A rollout of which nothing was recorded is missing, not empty.
pub async fn what_was_never_recorded_is_missing(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    same("the rollouts", journal.rollouts(&target()).await?, Vec::new())?;
    let missing = async |journal: &dyn Journal| {
        let found = load(journal).await;
        ensure!(matches!(found, Err(JournalError::Missing { .. })), "nothing was recorded, but it came to {found:?}");
        Ok(())
    };
    missing(&*journal).await?;
    let other = Record { rollout: other_rollout(0), ..started(target()) };
    journal.append(&target(), &other_rollout(0), 0, &[other]).await?;
    missing(&*journal).await
}

/// Fails unless an append was refused and left nothing behind.
async fn nothing_appended(journal: &dyn Journal, records: &[Record]) -> Checked {
    let before = load(journal).await?.records;
    let (position, what) = (before.len() as u64, format!("{records:?}"));
    let result = append(journal, position, records).await;
    ensure!(
        matches!(result, Err(JournalError::Foreign { .. } | JournalError::Newer { .. })),
        "{what} doesn't belong here, but it came to {result:?}"
    );
    same("the records, after an append was refused", load(journal).await?.records, before)
}

/// Records that are about something else are refused, together with those beside them.
pub async fn records_of_another_rollout_or_target_are_refused(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    append(&*journal, 0, &[started(target())]).await?;
    let other_rollout = Record { rollout: other_rollout(0), ..capacity(2) };
    nothing_appended(&*journal, &[capacity(1), other_rollout]).await?;
    nothing_appended(&*journal, &[capacity(1), started(Target::new("shop", "cart"))]).await
}

/// Records of a newer version than can be read back are refused.
pub async fn records_of_a_newer_version_are_refused(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    append(&*journal, 0, &[started(target())]).await?;
    nothing_appended(&*journal, &[capacity(1), Record { v: RECORD_VERSION + 1, ..capacity(2) }]).await
}
