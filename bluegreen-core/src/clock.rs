//! Time and randomness, so that tests can own them.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;

/// The wall clock: what deadlines are measured by and journals are dated with.
///
/// Waiting is tokio's; a test that pauses tokio's time gives a clock that follows it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now. May jump, as wall clocks do.
    fn now(&self) -> Timestamp;
}

/// Where names of rollouts and holders come from.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// The next random number.
    fn next(&self) -> u64;
}

/// The clock and the randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the time is read")]
    fn now(&self) -> Timestamp {
        Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Entropy for System {
    fn next(&self) -> u64 {
        // A system without randomness still gets names that differ between processes and moments.
        getrandom::u64().unwrap_or_else(|_| {
            let moment = self.now().as_nanosecond() as u64;
            moment.rotate_left(32) ^ u64::from(std::process::id())
        })
    }
}
