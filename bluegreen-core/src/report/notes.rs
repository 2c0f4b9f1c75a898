//! What didn't go as it should, but didn't decide the outcome either.

use std::time::Duration;

use jiff::Timestamp;

use super::figures::between;
use super::words::{self, count};
use crate::record::{Event, Record, Request};
use crate::span::span;

/// The notes about a rollout with these records.
pub(super) fn of(records: &[Record]) -> Vec<String> {
    let with = |is: fn(&Event) -> bool| records.iter().filter(|record| is(&record.event)).collect::<Vec<_>>();
    let mut notes = Vec::new();
    let recovered = with(|event| matches!(event, Event::Recovered { .. })).len() as u64;
    if recovered > 0 {
        notes.push(format!("the process that performed it was replaced {}", words::times(recovered)));
    }
    let unsure = with(|event| matches!(event, Event::Unsure { .. }));
    if let Some(Event::Unsure { object, error, .. }) = unsure.last().map(|record| &record.event) {
        let writes = count(unsure.len() as u64, "write");
        notes.push(format!("{writes} got no answer, and the object was read again; the last: {object}: {error}"));
    }
    let refused = with(|event| matches!(event, Event::Refused { .. }));
    if let Some(Event::Refused { object, error, .. }) = refused.last().map(|record| &record.event) {
        let writes = count(refused.len() as u64, "write");
        notes.push(format!("{writes} refused, which changed nothing; the last: {object}: {error}"));
    }
    let guard = spells(records, |event| match event {
        Event::Guard { holds, .. } => Some(!holds),
        _ => None,
    });
    notes.extend(guard.map(|spell| format!("the old color could not have taken over {spell}")));
    let paused = spells(records, |event| match event {
        Event::Asked { request: Request::Pause, .. } => Some(true),
        Event::Asked { request: Request::Resume, .. } => Some(false),
        _ => None,
    });
    notes.extend(paused.map(|spell| format!("it was paused {spell}")));
    if !with(|event| matches!(event, Event::Confirming { .. })).is_empty() {
        notes.push("the watch had gaps and was made longer".to_owned());
    }
    notes
}

/// How often something began, and how long it lasted in all; `switch` says of an event whether it begins or ends it.
fn spells(records: &[Record], switch: impl Fn(&Event) -> Option<bool>) -> Option<String> {
    let (mut times, mut lasted, mut since) = (0, Duration::ZERO, None::<Timestamp>);
    for record in records {
        match switch(&record.event) {
            Some(true) if since.is_none() => {
                times += 1;
                since = Some(record.at);
            }
            Some(false) => lasted += between(since.take(), Some(record.at)).unwrap_or_default(),
            _ => {}
        }
    }
    let last = records.last().map(|record| record.at);
    lasted += between(since, last).unwrap_or_default();
    (times > 0).then(|| format!("{}, for {} in all", words::times(times), span(lasted)))
}
