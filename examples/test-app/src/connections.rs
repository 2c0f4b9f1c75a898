//! How many clients are still connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts the connections of clients: those that have sent a request to be counted, are still open, and have not been
/// told that they are about to be closed.
///
/// Probes and the test's own questions (`/health`, `/ready`, `/connections`, `/drain`, `/mode`) do not count, so the
/// number drops to 0 once no client depends on this app any more.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    open: Arc<AtomicU64>,
}

/// One connection; it leaves the count when it is dropped.
#[derive(Debug)]
pub struct Connection {
    counted: AtomicBool,
    all: Connections,
}

impl Connections {
    /// A new connection, not counted yet.
    #[must_use]
    pub fn open(&self) -> Connection {
        Connection { counted: AtomicBool::new(false), all: self.clone() }
    }

    /// How many connections are counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }
}

impl Connection {
    /// Counts the connection, as a client sent a request over it.
    ///
    /// Called before the request is answered: a request in flight is the best reason to be counted.
    pub fn is_used(&self) {
        if !self.counted.swap(true, Ordering::SeqCst) {
            self.all.open.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Stops counting the connection: its client was told that it ends, or it has ended.
    pub fn is_ending(&self) {
        if self.counted.swap(false, Ordering::SeqCst) {
            self.all.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// How many connections other than this one are counted.
    #[must_use]
    pub fn others(&self) -> u64 {
        let own = u64::from(self.counted.load(Ordering::SeqCst));
        self.all.count().saturating_sub(own)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.is_ending();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_connection_from_its_first_use_to_its_end() {
        let all = Connections::default();
        let (probe, client, ended) = (all.open(), all.open(), all.open());
        assert_eq!(all.count(), 0);

        client.is_used();
        client.is_used();
        ended.is_used();
        assert_eq!((all.count(), probe.others(), client.others()), (2, 2, 1));

        ended.is_ending();
        ended.is_ending();
        assert_eq!(all.count(), 1);
        drop(ended);
        assert_eq!(all.count(), 1);
        drop(client);
        assert_eq!(all.count(), 0);
    }
}
