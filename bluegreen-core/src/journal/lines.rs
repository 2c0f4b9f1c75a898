//! The text of a journal: one JSON object per line, as pure functions.
//!
//! A line is whole once its newline is there. Records that were appended together carry `"more":true` on all lines but
//! the last, so that after a crash either all of them count or none.

use serde::{Deserialize, Serialize};

use crate::ids::RolloutId;
use crate::record::{Event, JournalError, RECORD_VERSION, Record};
use crate::target::Target;

/// A record as it stands on its line.
#[derive(Debug, Serialize, Deserialize)]
struct Line<R> {
    #[serde(flatten)]
    record: R,
    /// The next line was appended together with this one; without it neither counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

/// The part of a line that every version has.
#[derive(Debug, Deserialize)]
struct Version {
    v: u32,
}

/// What the text of a journal holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scan {
    /// The records that count.
    pub(super) records: Vec<Record>,
    /// How many bytes they take, from the beginning of the text. What follows was never confirmed.
    pub(super) whole: usize,
}

/// The text of `records`, as one append. Fails for a record that could not be read back: JSON has no infinity and no NaN,
/// and what isn't readable must not get into a journal.
pub(super) fn encode(records: &[Record]) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let more = index + 1 < records.len();
        let line = serde_json::to_vec(&Line { record, more }).and_then(|line| {
            serde_json::from_slice::<Line<Record>>(&line)?;
            Ok(line)
        });
        let line =
            line.map_err(|error| format!("record {} of {} could not be read back: {error}", index + 1, records.len()))?;
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    Ok(text)
}

/// Reads the text of the journal of `rollout`; `journal` is what errors call it.
pub(super) fn scan(journal: &str, target: &Target, rollout: &RolloutId, text: &[u8]) -> Result<Scan, JournalError> {
    let mut scan = Scan::default();
    let (mut end, mut pending) = (0, Vec::new());
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        end += line.len();
        let line = decode(journal, index + 1, line)?;
        check(journal, target, rollout, &line.record)?;
        pending.push(line.record);
        if !line.more {
            scan.records.append(&mut pending);
            scan.whole = end;
        }
    }
    Ok(scan)
}

/// Reads one line; its version first, as nothing else is known of a newer one.
fn decode(journal: &str, number: usize, line: &[u8]) -> Result<Line<Record>, JournalError> {
    let damaged = |error: serde_json::Error| JournalError::Damaged {
        journal: journal.to_owned(),
        line: number,
        message: describe(&error),
    };
    let Version { v } = serde_json::from_slice(line).map_err(damaged)?;
    if v > RECORD_VERSION {
        return Err(newer(journal, v));
    }
    serde_json::from_slice(line).map_err(damaged)
}

/// Whether `record` may stand in the journal of `rollout`.
pub(super) fn check(journal: &str, target: &Target, rollout: &RolloutId, record: &Record) -> Result<(), JournalError> {
    if record.v > RECORD_VERSION {
        return Err(newer(journal, record.v));
    }
    if record.rollout != *rollout {
        return Err(JournalError::Foreign {
            journal: journal.to_owned(),
            expected: format!("rollout {rollout}"),
            found: format!("rollout {}", record.rollout),
        });
    }
    match &record.event {
        Event::Started(started) if started.plan.target != *target => Err(JournalError::Foreign {
            journal: journal.to_owned(),
            expected: target.to_string(),
            found: started.plan.target.to_string(),
        }),
        _ => Ok(()),
    }
}

fn newer(journal: &str, found: u32) -> JournalError {
    JournalError::Newer { journal: journal.to_owned(), found, supported: RECORD_VERSION }
}

/// The error without its "at line 1": the line that matters is the journal's.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(message) if error.line() > 0 => format!("{message} (column {})", error.column()),
        _ => text,
    }
}
