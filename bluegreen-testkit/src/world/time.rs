//! The world's calendar: every world begins at the same instant, so that journals and reports of a test never differ.
//! And quantities in words.

use std::time::Duration;

use jiff::Timestamp;

/// 2026-01-01T00:00:00Z.
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The wall clock `elapsed` after the world began.
pub(crate) fn timestamp(elapsed: Duration) -> Timestamp {
    EPOCH.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
}

/// A length of time as people write it: `100 ms`, `2.5 s`, `7 min`, `1 h 30 min`.
pub(crate) fn span(duration: Duration) -> String {
    if !duration.is_zero() && duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_secs_f64() * 1000.0);
    }
    let minutes = duration.as_secs() / 60;
    let seconds = duration.saturating_sub(Duration::from_secs(minutes * 60)).as_secs_f64();
    let whole = [(minutes / 60, "h"), (minutes % 60, "min")].into_iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<_> = whole.map(|(count, unit)| format!("{count} {unit}")).collect();
    if seconds > 0.0 || parts.is_empty() {
        parts.push(format!("{seconds} s"));
    }
    parts.join(" ")
}

/// A share as people write it: `3 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", (share * 10_000.0).round() / 100.0)
}

/// How long after the beginning of the world `timestamp` is; zero before it.
pub(crate) fn elapsed(timestamp: Timestamp) -> Duration {
    Duration::try_from(timestamp.duration_since(EPOCH)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_people_do() {
        for (millis, text) in [
            (0, "0 s"),
            (100, "100 ms"),
            (2500, "2.5 s"),
            (60_000, "1 min"),
            (5_400_000, "1 h 30 min"),
            (3_601_000, "1 h 1 s"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
        assert_eq!((percent(0.03), percent(0.07), percent(0.0025)), ("3 %".into(), "7 %".into(), "0.25 %".into()));
    }
}
