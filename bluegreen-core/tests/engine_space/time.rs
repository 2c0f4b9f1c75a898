//! Time, in ticks: fine enough for every deadline of the plans that are explored, coarse enough to be finite.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

const SECONDS: u64 = 10;

/// One tick is longer than a reading stays fresh (5 s) and than a write's longest back-off (2 s).
pub(crate) const TICK: SignedDuration = SignedDuration::from_secs(SECONDS as i64);

pub(crate) const fn ticks(count: u64) -> Duration {
    Duration::from_secs(SECONDS * count)
}

/// The first tick at or after `at`.
pub(crate) fn round_up(at: Timestamp) -> Timestamp {
    let seconds = i64::try_from(at.as_nanosecond().div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
    let exact = at.subsec_nanosecond() == 0 && seconds % TICK.as_secs() == 0;
    let ticks = seconds.div_euclid(TICK.as_secs()) + i64::from(!exact);
    Timestamp::from_second(ticks * TICK.as_secs()).unwrap_or(Timestamp::MAX)
}

/// `at` as seen from `now`, in ticks, as far as any deadline reaches.
pub(crate) fn distance(now: Timestamp, at: Timestamp) -> i8 {
    const FAR: i64 = 13;
    let ticks = (at.as_second() - now.as_second()).div_euclid(TICK.as_secs());
    ticks.clamp(-FAR, FAR) as i8
}
