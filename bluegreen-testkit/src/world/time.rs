//! The world's calendar: every world begins at the same instant, so that journals and reports of a test never differ.

use std::time::Duration;

use jiff::Timestamp;

/// 2026-01-01T00:00:00Z.
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The wall clock `elapsed` after the world began.
pub(crate) fn timestamp(elapsed: Duration) -> Timestamp {
    EPOCH.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
}

/// How long after the beginning of the world `timestamp` is; zero before it.
pub(crate) fn elapsed(timestamp: Timestamp) -> Duration {
    Duration::try_from(timestamp.duration_since(EPOCH)).unwrap_or(Duration::ZERO)
}
