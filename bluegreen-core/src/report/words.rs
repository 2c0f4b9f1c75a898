//! How a report says things.

use std::fmt;
use std::time::Duration;

use crate::backend::{Measure, RouteObject, Verdict};
use crate::record::{End, Ending, Event, Kind, Request, Sample, Started, Update, Waiting};

/// An event in words, standing for itself.
pub(super) fn tell(event: &Event) -> String {
    match event {
        Event::Started(started) => begin(started),
        Event::Recovered { found } => format!("another process goes on; it found {}", route(found)),
        Event::Capacity { replicas } => format!("the new color gets {}", count(u64::from(*replicas), "replica")),
        Event::WayBack { open: true, reason, .. } => format!("the way back is open: {reason}"),
        Event::WayBack { open: false, reason, .. } => format!("the way back is closed: {reason}"),
        Event::Intent { write, object, .. } => format!("{write}: {object}"),
        Event::Wrote { write, object, .. } => format!("{write}: {object}: done"),
        Event::Found { write } => format!("{write}: nothing to do"),
        Event::Refused { write, object, error, .. } => format!("{write}: {object}: refused: {error}"),
        Event::Unsure { write, object, error, .. } => format!("{write}: {object}: no answer: {error}"),
        Event::Begun { check } => format!("{check}: begun"),
        Event::Passed { check, summary } => format!("{check}: {summary}"),
        Event::Failed { check, verdict, summary } => format!("{check} {}: {summary}", came_to(*verdict)),
        Event::Sampled(sample) => format!("{} of {}: {}", sample.source, sample.color, measured(sample)),
        Event::Guard { holds: true, summary } => format!("the old color can take over again: {summary}"),
        Event::Guard { holds: false, summary } => format!("the old color can't take over: {summary}"),
        Event::Confirming { until, reason } => format!("the watch saw too little and goes on until {until}: {reason}"),
        Event::Judged { verdict, reason } => format!("the watch {}: {reason}", came_to(*verdict)),
        Event::Asked { request, by } => format!("{by} asks to {}", asked(request)),
        Event::Decided(ending) => format!("{}: {}", decided(ending), ending.reason()),
        Event::Evidence { color, diagnosis } => {
            let cause = diagnosis.causes.first().map_or("no cause found", String::as_str);
            format!("evidence about {color}: {cause}")
        }
        Event::Kept { snapshot } => {
            format!("kept {} of {}", count(snapshot.objects.len() as u64, "object"), snapshot.color)
        }
        Event::Ended(end) => outcome(end).to_owned(),
    }
}

/// One line, for people.
impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded(record) => write!(f, "{:.0}  {:12}  {}", record.at, record.stage, tell(&record.event)),
            Self::Waiting(Waiting { stage, what, until }) => {
                let until = until.map(|until| format!(", until {until:.0}")).unwrap_or_default();
                write!(f, "{stage} waits for {what}{until}")
            }
            Self::Retrying { at, what, attempt, error } => {
                write!(f, "{at:.0}  try {attempt} to {what} failed: {error}")
            }
        }
    }
}

/// What was decided, without why.
pub(super) const fn decided(ending: &Ending) -> &'static str {
    match ending {
        Ending::Abort { .. } => "turning back before traffic moves",
        Ending::RollBack { forced: false, .. } => "traffic is to return",
        Ending::RollBack { forced: true, .. } => "traffic is to return, by force",
    }
}

/// How it ended, without why.
pub(super) const fn outcome(end: &End) -> &'static str {
    match end {
        End::Promoted { proven: true } => "promoted, proven by its watch",
        End::Promoted { proven: false } => "promoted, not watched",
        End::AlreadyActive => "already active, nothing was written",
        End::Aborted { .. } => "aborted",
        End::RolledBack { .. } => "rolled back",
        End::Halted { .. } => "halted, a person has to decide",
        End::Superseded { .. } => "superseded",
    }
}

fn begin(started: &Started) -> String {
    let Started { release, old, new, old_release, .. } = started;
    let serves = match old_release {
        Some(release) => format!("{old} serves {release}"),
        None => format!("{old} serves"),
    };
    let taken = match &started.takes_over {
        Some(other) => format!("; takes over {other}"),
        None => String::new(),
    };
    match &started.kind {
        Kind::Deploy => format!("{serves}, {release} goes to {new}; the route: {}{taken}", route(&started.found)),
        Kind::RollBack(reason) => {
            format!("traffic is to return to {old}: {reason}; the route: {}{taken}", route(&started.found))
        }
    }
}

/// `Service/checkout blue, Service/checkout-admin blue`.
fn route(objects: &[RouteObject]) -> String {
    let objects = objects.iter().map(|object| {
        let by = object.changed.as_ref().filter(|_| object.is_foreign());
        let by = by.map(|change| format!(" (changed by {change})")).unwrap_or_default();
        format!("{} {}{by}", object.name, object.state)
    });
    objects.collect::<Vec<_>>().join(", ")
}

const fn came_to(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Inconclusive => "was not conclusive",
        Verdict::Cancelled => "was cancelled",
    }
}

fn asked(request: &Request) -> String {
    match request {
        Request::Pause => "pause".to_owned(),
        Request::Resume => "resume".to_owned(),
        Request::Approve { reason } => format!("approve: {reason}"),
        Request::Abort { reason } => format!("abort: {reason}"),
        Request::RollBack { reason, force: false } => format!("roll back: {reason}"),
        Request::RollBack { reason, force: true } => format!("roll back, by force: {reason}"),
    }
}

/// What a sample says.
pub(super) fn measured(sample: &Sample) -> String {
    if !sample.summary.is_empty() {
        return sample.summary.clone();
    }
    match &sample.measure {
        Measure::Counts { bad, total } => format!("{bad} of {total} bad"),
        Measure::Gauge { value } => format!("at {value}"),
        Measure::Latency { buckets } => {
            let shares = buckets.iter().map(|bucket| format!("{} within {} s", bucket.count, bucket.at_most_seconds));
            shares.collect::<Vec<_>>().join(", ")
        }
        Measure::NoData { why } => format!("no data: {why}"),
    }
}

/// `1 sample`, `2 samples`.
pub(super) fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `once`, `3 times`.
pub(super) fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

/// A moment as the time since a beginning, for a column: `+12.3s`, `+5m04s`, `+2h00m04s`.
pub(super) fn offset(duration: Duration) -> String {
    let whole = duration.as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole % 3600 / 60, whole % 60);
    match whole {
        0..60 => format!("+{}.{}s", seconds, duration.subsec_millis() / 100),
        60..3600 => format!("+{minutes}m{seconds:02}s"),
        _ => format!("+{hours}h{minutes:02}m{seconds:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::span;

    #[test]
    fn lengths_of_time_are_short() {
        for (millis, long, short) in [
            (0, "0.0 ms", "+0.0s"),
            (3, "3.0 ms", "+0.0s"),
            (999, "999 ms", "+0.9s"),
            (12_340, "12.3 s", "+12.3s"),
            (304_000, "5 min 4 s", "+5m04s"),
            (7_204_000, "2 h 0 min", "+2h00m04s"),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!((span(duration).as_str(), offset(duration).as_str()), (long, short));
        }
    }
}
