//! What goes on, in words: one line for each event that a person wants to see as it happens.

use bluegreen_core::{Check, Event, Measure, Record, Update, Waiting, Write};
use jiff::Timestamp;

/// The line of an update; nothing for those that only matter to programs. All of them are in the journal, and the report
/// at the end is made of that.
pub(crate) fn line(update: &Update) -> Option<String> {
    match update {
        Update::Recorded(record) => happened(record).map(|what| format!("{:<10} {what}", record.stage)),
        Update::Retrying { what, error, .. } => Some(format!("{:<10} {what} failed, trying again: {error}", "")),
        _ => None,
    }
}

fn happened(record: &Record) -> Option<String> {
    Some(match &record.event {
        Event::Started(started) => {
            let old = started.old_release.as_ref().map_or("nothing", |old| &old.version);
            let (release, new) = (&started.release, started.new);
            format!("{release} goes to {new}; users are on {} with {old}", started.old)
        }
        Event::Wrote { write, object, .. } => format!("{write} ({object})"),
        Event::WayBack { open: true, reason, .. } => format!("the way back is open: {reason}"),
        Event::WayBack { reason, .. } => format!("the way back is closed: {reason}"),
        Event::Passed { check, summary } => match check {
            // These are what their stage is about; its name is enough.
            Check::Ready | Check::Converged | Check::Settled | Check::Returned => summary.clone(),
            _ => format!("{check}: {summary}"),
        },
        Event::Failed { check, summary, .. } => format!("{check} failed: {summary}"),
        Event::Sampled(sample) if matches!(sample.measure, Measure::Counts { bad: 1.., .. }) => {
            format!("{} of {} was bad: {}", sample.source, sample.color, sample.summary)
        }
        Event::Guard { summary, .. } => format!("guard: {summary}"),
        Event::Judged { verdict, reason } => format!("verdict {verdict}: {reason}"),
        Event::Decided(_) => "turning back by itself".to_owned(),
        Event::Ended(end) => end.to_string(),
        _ => return None,
    })
}

/// What is awaited and why, and how much longer at most.
pub(crate) fn waiting(waiting: &Waiting, now: Timestamp) -> String {
    let left = waiting.until.map(|until| until.duration_since(now).as_secs_f64());
    let left = left.map(|left| format!(", at most {:.0} s more", left.max(0.0).ceil()));
    let left = left.unwrap_or_default();
    format!("{:<10} awaiting{left}: {}", waiting.stage, waiting.what)
}

/// Whether the update changes what users get, or decides about that.
pub(crate) fn is_milestone(update: &Update) -> bool {
    let Update::Recorded(record) = update else { return false };
    match &record.event {
        Event::Wrote { write, .. } => matches!(write, Write::Switch | Write::SwitchBack),
        Event::Judged { .. } | Event::Ended(_) => true,
        _ => false,
    }
}
