//! What was confirmed lasts, and what can't be read is an error.

use bluegreen_core::JournalError;

use super::records::{capacity, ended, hard_to_keep, rollout, started, target};
use super::subject::{Subject, append, load};
use crate::conformance::Checked;
use crate::conformance::check::{MOMENT, dropped_after, ensure, same, until};
use crate::conformance::lever::pull;

/// An append is durable before it returns: the next process finds all of it, and goes on where it ends.
pub async fn what_was_confirmed_is_there_for_the_next_process(subject: &Subject) -> Checked {
    let mut expected = Vec::new();
    for batch in [vec![started(target())], hard_to_keep().split_off(1), vec![capacity(1), ended()]] {
        let journal = subject.open().await?;
        append(&*journal, expected.len() as u64, &batch).await?;
        drop(journal);
        expected.extend(batch);
        let next = subject.open().await?;
        same("the rollouts that the next process finds", next.rollouts(&target()).await?, vec![rollout()])?;
        same("the records that the next process finds", &load(&*next).await?.records, &expected)?;
    }
    Ok(())
}

/// Others may read while one writes; it changes nothing, and keeps nobody from writing.
pub async fn reading_changes_nothing_and_needs_no_lock(subject: &Subject) -> Checked {
    let (writer, reader) = (subject.open().await?, subject.open().await?);
    let all = [started(target()), capacity(1), capacity(2)];
    for (position, record) in all.iter().enumerate() {
        append(&*writer, position as u64, std::slice::from_ref(record)).await?;
        for _ in 0..2 {
            same("the records that a reader finds", &load(&*reader).await?.records[..], &all[..=position])?;
            same("the rollouts that a reader finds", reader.rollouts(&target()).await?, vec![rollout()])?;
        }
    }
    Ok(())
}

/// An append that is dropped, wherever it was, is done whole or not at all, at once or later; the next one can go on.
pub async fn a_dropped_append_is_done_whole_or_not_at_all(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    append(&*journal, 0, &[started(target())]).await?;
    let batches: Vec<_> = (0..6).map(|waits| [10 * waits, 10 * waits + 1, 10 * waits + 2].map(capacity)).collect();
    for (waits, batch) in batches.iter().enumerate() {
        let position = load(&*journal).await?.records.len() as u64;
        let _ = dropped_after(waits, append(&*journal, position, batch)).await;
        let records = load(&*journal).await?.records;
        let appended = records[1..].chunks(batch.len());
        let torn = appended.into_iter().find(|records| !batches.iter().any(|batch| *records == &batch[..]));
        ensure!(torn.is_none(), "after a drop at wait {waits} there are records that are no whole append: {torn:?}");
    }
    let go_on = async || Ok(append(&*journal, load(&*journal).await?.records.len() as u64, &[ended()]).await);
    let (what, patience) = ("an append is done after others were dropped", 10 * MOMENT);
    Ok(until(what, patience, go_on, Result::is_ok).await??)
}

/// An append that a crash cut short doesn't count, not even in part, and is told; the next one goes on before it.
pub async fn a_torn_append_is_told_and_never_counts(subject: &Subject) -> Checked {
    let confirmed = [started(target()), capacity(1)];
    let journal = subject.open().await?;
    append(&*journal, 0, &confirmed).await?;
    append(&*journal, 2, &[capacity(7), capacity(8), capacity(9)]).await?;
    drop(journal);
    pull(subject.tears.as_ref(), (target(), rollout())).await?;

    let journal = subject.open().await?;
    let log = load(&*journal).await?;
    same("the records, after the last append was torn", &log.records[..], &confirmed[..])?;
    ensure!(!log.notes.is_empty(), "the journal doesn't say that its end was torn");
    let late = append(&*journal, 5, &[ended()]).await;
    ensure!(
        matches!(late, Err(JournalError::Moved { expected: 5, found: 2, .. })),
        "an append after what was torn has moved, but came to {late:?}"
    );
    append(&*journal, 2, &[ended()]).await?;
    let expected = [confirmed.to_vec(), vec![ended()]].concat();
    same("the records, after going on", load(&*journal).await?.records, expected)
}

/// What can't be read is an error, never a shorter or an empty journal; it is still listed, and nothing is appended.
pub async fn what_can_not_be_read_is_an_error(subject: &Subject) -> Checked {
    let journal = subject.open().await?;
    append(&*journal, 0, &[started(target())]).await?;
    append(&*journal, 1, &[capacity(1)]).await?;
    drop(journal);
    pull(subject.damages.as_ref(), (target(), rollout())).await?;

    let journal = subject.open().await?;
    let unreadable = |error: &JournalError| {
        !matches!(error, JournalError::Missing { .. } | JournalError::Moved { .. } | JournalError::Locked { .. })
    };
    let found = load(&*journal).await;
    ensure!(
        matches!(&found, Err(error) if unreadable(error)),
        "the first record can't be read, but it came to {found:?}"
    );
    same("the rollouts, one of them unreadable", journal.rollouts(&target()).await?, vec![rollout()])?;
    for position in 0..3 {
        let appended = append(&*journal, position, &[ended()]).await;
        ensure!(matches!(&appended, Err(error) if unreadable(error)), "it was appended to, which came to {appended:?}");
    }
    Ok(())
}
