//! The calendar of a cluster: it begins at a fixed instant and follows tokio's clock.

use jiff::Timestamp;
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z.
const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Tells what time it is in a cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) const fn started(self) -> Instant {
        self.started
    }

    pub(crate) fn now(self) -> Timestamp {
        EPOCH.saturating_add(self.started.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

/// As objects carry it: whole seconds.
pub(crate) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
