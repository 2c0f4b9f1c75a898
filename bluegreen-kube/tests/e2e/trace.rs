//! What a rollout did, in order: what it journaled, and what it sent.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bluegreen_core::{Event, Observer, Record, Update};
use tokio::sync::Notify;

/// Collects what programs of this process journal and write. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    entries: Mutex<Vec<Entry>>,
    added: Notify,
}

/// Something that was done.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A record is durable.
    Recorded(Box<Record>),
    /// A write leaves, as in `PATCH services/checkout`.
    Sent(String),
}

impl Trace {
    pub(crate) fn sent(&self, write: &str) {
        eprintln!("        -> {write}");
        self.add(What::Sent(write.to_owned()));
    }

    /// Everything since the trace was cleared.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clear(&self) {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The writes that were sent.
    pub(crate) fn writes(&self) -> Vec<String> {
        let sent = |entry: Entry| match entry.what {
            What::Sent(write) => Some(write),
            What::Recorded(_) => None,
        };
        self.entries().into_iter().filter_map(sent).collect()
    }

    /// Waits for a record; the caller bounds it.
    pub(crate) async fn until(&self, wanted: impl Fn(&Event) -> bool) -> Instant {
        loop {
            let added = self.0.added.notified();
            if let Some(at) = self.find(&wanted) {
                return at;
            }
            added.await;
        }
    }

    /// When a record became durable.
    pub(crate) fn find(&self, wanted: impl Fn(&Event) -> bool) -> Option<Instant> {
        let found = |entry: &Entry| matches!(&entry.what, What::Recorded(record) if wanted(&record.event));
        self.entries().iter().find(|entry| found(entry)).map(|entry| entry.at)
    }

    /// The first write after a record.
    pub(crate) fn first_write_after(&self, wanted: impl Fn(&Event) -> bool) -> Option<(Instant, String)> {
        let entries = self.entries();
        let mut after =
            entries.iter().skip_while(|entry| !matches!(&entry.what, What::Recorded(record) if wanted(&record.event)));
        after.find_map(|entry| match &entry.what {
            What::Sent(write) => Some((entry.at, write.clone())),
            What::Recorded(_) => None,
        })
    }

    fn add(&self, what: What) {
        let entry = Entry { at: Instant::now(), what };
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        self.0.added.notify_waiters();
    }
}

impl Observer for Trace {
    fn notify(&self, update: &Update) {
        match update {
            Update::Recorded(record) => {
                eprintln!("    {}", Line(record));
                self.add(What::Recorded(record.clone()));
            }
            Update::Waiting(waiting) => eprintln!("        .. {}: {}", waiting.stage, waiting.what),
            Update::Retrying { what, attempt, error, .. } => eprintln!("        .. {what} failed ({attempt}): {error}"),
            _ => {}
        }
    }
}

/// A record on one line, without the plan.
struct Line<'a>(&'a Record);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { at, stage, event, .. } = self.0;
        match event {
            Event::Started(started) => {
                write!(f, "{at} {stage:<10} started: {} from {} to {}", started.release, started.old, started.new)
            }
            event => {
                let text = serde_json::to_string(event).unwrap_or_default();
                write!(f, "{at} {stage:<10} {}", text.chars().take(600).collect::<String>())
            }
        }
    }
}
