//! Lengths of time, for people.

use std::time::Duration;

/// A length of time, to what matters: `3.2 ms`, `12.3 s`, `5 min 4 s`, `2 h 0 min`.
pub(crate) fn span(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0 if duration.as_millis() >= 10 => format!("{} ms", duration.as_millis()),
        0 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        1..60 if duration.subsec_millis() == 0 => format!("{whole} s"),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ if whole.is_multiple_of(3600) => format!("{} h", whole / 3600),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
