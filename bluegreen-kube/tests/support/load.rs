//! A load of HTTP requests with a fixed rate, and the account of what became of each of them.
//!
//! The load is *open loop*: requests begin when they are due, however slow the answers are, so that a server that
//! stalls is not spared. It runs in a thread of its own, which a test that blocks cannot starve, and ends by itself
//! after a number of requests and a time.
//!
//! ```text
//! let load = Load::new_connections(address, 1_000).start()?;
//! // ... switch from blue to green ...
//! let report = load.stop().await;
//! assert_eq!((report.failed(), report.own_errors), (0, 0), "{report:#?}");
//! ```

// Every test that includes this module uses another part of it.
#![allow(dead_code)]

#[path = "load/client.rs"]
mod client;
#[path = "load/driver.rs"]
mod driver;
#[path = "load/report.rs"]
mod report;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use client::Target;
use driver::Driver;
use report::Tally;

#[allow(unused_imports)]
pub(crate) use report::{LoadReport, Lost};

/// A load that is still to be started.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    target: Target,
    /// How many connections to keep alive; without, every request has its own.
    connections: Option<usize>,
    rate_per_second: u32,
    timeout: Duration,
    most_requests: u64,
    longest: Duration,
}

/// A load that was started. It ends when it is stopped or dropped, or when it reaches its limits.
#[derive(Debug)]
pub(crate) struct RunningLoad {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    done: oneshot::Receiver<()>,
}

/// What the driver of a load, its requests and its handle have in common.
#[derive(Debug)]
struct Shared {
    target: Target,
    timeout: Duration,
    started: Instant,
    tally: Mutex<Tally>,
}

impl Load {
    /// Every request over a new connection, which the server is asked to close: it then closes first, and no port of
    /// the client is left waiting.
    pub(crate) fn new_connections(address: SocketAddr, rate_per_second: u32) -> Self {
        Self {
            target: Target { address, sources: Vec::new(), keep_alive: false },
            connections: None,
            rate_per_second: rate_per_second.max(1),
            timeout: Duration::from_secs(5),
            most_requests: 2_000_000,
            longest: Duration::from_secs(15 * 60),
        }
    }

    /// The requests take turns over some persistent connections (at least one).
    ///
    /// A connection is replaced, without a loss, after an answer that announced its end, after a lost request, and if
    /// the server closed it while no request was under way; the report counts the latter.
    pub(crate) fn keep_alive(address: SocketAddr, connections: usize, rate_per_second: u32) -> Self {
        let mut load = Self::new_connections(address, rate_per_second);
        load.target.keep_alive = true;
        load.connections = Some(connections.max(1));
        load
    }

    /// How long a request may take, the connecting included, before it counts as lost; 5 seconds if not set.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The addresses to connect from, in turn; if not set, the system chooses.
    pub(crate) fn sources(mut self, sources: impl IntoIterator<Item = IpAddr>) -> Self {
        self.target.sources = sources.into_iter().collect();
        self
    }

    /// After how many requests and what time the load ends by itself; 2 million and 15 minutes if not set.
    pub(crate) fn limits(mut self, most_requests: u64, longest: Duration) -> Self {
        self.most_requests = most_requests;
        self.longest = longest;
        self
    }

    /// Starts the load.
    ///
    /// # Errors
    ///
    /// If the system has no thread left, or no descriptors for its runtime.
    pub(crate) fn start(self) -> io::Result<RunningLoad> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared {
            target: self.target.clone(),
            timeout: self.timeout,
            started: Instant::now(),
            tally: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let (end, done) = oneshot::channel();
        let driver = Driver::new(&self, Arc::clone(&shared));
        thread::Builder::new().name("load".to_owned()).spawn(move || {
            runtime.block_on(driver.drive(stopped));
            // Nobody is left to be told if the handle was dropped.
            let _ = end.send(());
        })?;
        Ok(RunningLoad { shared, stop, done })
    }
}

impl RunningLoad {
    /// Begins no further requests, waits for those under way, and reports on all.
    pub(crate) async fn stop(self) -> LoadReport {
        self.stop.send_replace(true);
        // An error says that the thread is gone, so the report is final too.
        let _ = self.done.await;
        self.shared.report()
    }

    /// The report up to now; some of what is sent is neither answered nor lost yet.
    pub(crate) fn snapshot(&self) -> LoadReport {
        self.shared.report()
    }
}

impl Shared {
    /// The time since the start of the load.
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn report(&self) -> LoadReport {
        let now = self.elapsed();
        self.tally().report(now)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
