//! Begins the requests of a load when they are due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use super::client::{Connection, Failure};
use super::{Load, Shared};

/// How late the load may be, by its own fault, before it stops pretending that it keeps its rate.
const STARVED: Duration = Duration::from_millis(500);

/// Begins the requests of a load when they are due.
pub(super) struct Driver {
    shared: Arc<Shared>,
    rate_per_second: u64,
    most_requests: u64,
    longest: Duration,
    /// The number of the next request, from which follows when it is due.
    next: u64,
    idle: Idle,
    /// Whether requests are late because all connections were in use, which is the fault of the server.
    held_up: bool,
    under_way: JoinSet<Connection>,
}

/// The connections that no request is using.
enum Idle {
    /// There is always another one.
    New,
    /// Those that were idle for longest come first, so that all take turns.
    Kept(VecDeque<Connection>),
}

impl Driver {
    pub(super) fn new(load: &Load, shared: Arc<Shared>) -> Self {
        Self {
            shared,
            rate_per_second: u64::from(load.rate_per_second),
            most_requests: load.most_requests,
            longest: load.longest,
            next: 0,
            idle: load.connections.map_or(Idle::New, |count| {
                Idle::Kept(std::iter::repeat_with(Connection::default).take(count).collect())
            }),
            held_up: false,
            under_way: JoinSet::new(),
        }
    }

    /// Runs the load to its end, which comes at the latest when the handle of the load is dropped.
    pub(super) async fn drive(mut self, mut stopped: watch::Receiver<bool>) {
        while self.next < self.most_requests && self.shared.elapsed() < self.longest {
            let wait = self.due().saturating_sub(self.shared.elapsed());
            let free = self.idle.has_one();
            if !free {
                self.held_up = true;
            } else if !wait.is_zero() {
                self.held_up = false;
            }
            select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                Some(finished) = self.under_way.join_next() => self.finish(finished),
                () = pass(wait), if free => self.begin(),
            }
        }
        self.shared.tally().ends(self.shared.elapsed());
        while let Some(finished) = self.under_way.join_next().await {
            self.finish(finished);
        }
    }

    /// When the next request is to begin.
    fn due(&self) -> Duration {
        let nanos = (self.next % self.rate_per_second) * 1_000_000_000 / self.rate_per_second;
        Duration::from_secs(self.next / self.rate_per_second) + Duration::from_nanos(nanos)
    }

    /// Begins the request that is due, unless it is far too late for that.
    fn begin(&mut self) {
        let (due, now) = (self.due(), self.shared.elapsed());
        let late = now.saturating_sub(due);
        if !self.held_up && late > STARVED {
            return self.skip_overdue(late);
        }
        let number = self.next;
        self.next += 1;
        self.shared.tally().sends();
        if late > self.shared.timeout {
            let failure = Failure::Lost("no connection was free in time".to_owned());
            self.shared.tally().failed(failure, number, due, now);
            return;
        }
        // A wait for a free connection is a part of the answer time, being late by one's own fault is not.
        let start = if self.held_up { due } else { now };
        if let Some(connection) = self.idle.take() {
            self.under_way.spawn(carry_out(Arc::clone(&self.shared), connection, number, start));
        }
    }

    /// Leaves out what is overdue: catching up would be a burst that the server has not deserved.
    fn skip_overdue(&mut self, late: Duration) {
        let mut skipped = 0;
        while self.due() < self.shared.elapsed() && self.next < self.most_requests {
            self.next += 1;
            skipped += 1;
        }
        self.shared.tally().own_errors(skipped, format!("the load was not scheduled for {late:?}"));
    }

    fn finish(&mut self, finished: Result<Connection, JoinError>) {
        let connection = finished.unwrap_or_else(|error| {
            self.shared.tally().own_errors(1, error.to_string());
            Connection::default()
        });
        self.idle.give_back(connection);
    }
}

impl Idle {
    fn has_one(&self) -> bool {
        match self {
            Self::New => true,
            Self::Kept(connections) => !connections.is_empty(),
        }
    }

    fn take(&mut self) -> Option<Connection> {
        match self {
            Self::New => Some(Connection::default()),
            Self::Kept(connections) => connections.pop_front(),
        }
    }

    fn give_back(&mut self, connection: Connection) {
        match self {
            Self::New => {}
            Self::Kept(connections) => connections.push_back(connection),
        }
    }
}

/// Lets some time pass. Even the shortest sleep lasts a millisecond, with which nobody can catch up.
async fn pass(time: Duration) {
    if time.is_zero() {
        yield_now().await;
    } else {
        sleep(time).await;
    }
}

/// Carries out one request, and gives back the connection for the next one.
async fn carry_out(shared: Arc<Shared>, mut connection: Connection, number: u64, start: Duration) -> Connection {
    if connection.close_if_ended() {
        shared.tally().closed_while_idle();
    }
    let before = shared.elapsed();
    let result = timeout(shared.timeout, connection.request(&shared.target, number)).await;
    let now = shared.elapsed();
    let result = result.unwrap_or_else(|_| {
        let took = now.saturating_sub(before);
        let starved = took > shared.timeout + STARVED;
        let error = format!("no answer within {took:?}");
        Err(if starved { Failure::Own(error) } else { Failure::Lost(error) })
    });
    match result {
        Ok(answer) => {
            let closes = answer.closes;
            shared.tally().answered(answer, start, now);
            if closes {
                connection.wait_for_close().await;
            }
        }
        Err(failure) => {
            shared.tally().failed(failure, number, start, now);
            connection.close();
        }
    }
    connection
}
