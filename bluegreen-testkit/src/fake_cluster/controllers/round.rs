//! One look of the controllers at everything.

use std::time::Duration;

use jiff::Timestamp;

use super::super::objects::Objects;
use super::super::time;

/// What a controller sees and writes, and when it wants to look again though nothing has changed.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) objects: Objects,
    pub(super) now: Timestamp,
    next: Option<Timestamp>,
}

impl Round {
    pub(super) fn new(objects: Objects) -> Self {
        let now = objects.now();
        Self { objects, now, next: None }
    }

    /// The time as objects carry it.
    pub(super) fn now_text(&self) -> String {
        time::text(self.now)
    }

    /// Asks for a round at `time`, unless that is past.
    pub(super) fn look_again_at(&mut self, time: Timestamp) {
        if time > self.now {
            self.next = Some(self.next.map_or(time, |next| next.min(time)));
        }
    }

    /// How long until the next round has to be, if nothing changes before.
    pub(super) fn due(&self) -> Option<Duration> {
        self.next.map(|next| Duration::try_from(next.duration_since(self.now)).unwrap_or_default())
    }
}

/// Sleeps for so long; for ever, if nothing is due.
pub(super) async fn sleep(due: Option<Duration>) {
    match due {
        Some(due) => tokio::time::sleep(due).await,
        None => std::future::pending().await,
    }
}

/// A time in an object; `None` if there is none.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// `seconds` after `time`.
pub(super) fn after(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(Duration::from_secs(seconds.unsigned_abs())).unwrap_or(Timestamp::MAX)
}
