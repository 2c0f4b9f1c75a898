//! The users: they send numbered orders all the time, and count what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::http::{self, Answer, Connection, Keep, NoAnswer};
use crate::tally::Tally;

/// So many clients open a new connection for each order.
const NEW_CONNECTIONS: u32 = 12;
/// So many keep their connection open as long as they are let.
const KEEP_ALIVE: u32 = 4;

/// Clients at work. Each sends one request at a time, so there are never more than there are clients. All end when this
/// is dropped.
#[derive(Debug)]
pub(crate) struct Clients {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Clients {
    /// Starts clients that send `rate` requests a second, all together.
    pub(crate) fn start(address: SocketAddr, rate: u32, tally: &Arc<Tally>) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), watch::Sender::new(false));
        let clients = NEW_CONNECTIONS + KEEP_ALIVE;
        for index in 0..clients {
            let client = Client {
                address,
                keep: if index < KEEP_ALIVE { Keep::Open } else { Keep::Closed },
                connection: None,
                tally: Arc::clone(tally),
            };
            let begin = Instant::now() + Duration::from_secs(1) * index / rate;
            tasks.spawn(client.order(begin, Duration::from_secs(1) * clients / rate, stop.subscribe()));
        }
        Self { tasks, stop }
    }

    /// Lets every client finish the request that it has begun.
    pub(crate) async fn finish(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Client {
    address: SocketAddr,
    keep: Keep,
    connection: Option<Connection>,
    tally: Arc<Tally>,
}

impl Client {
    async fn order(mut self, begin: Instant, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval_at(begin, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            let number = self.tally.next_number();
            let answer = self.send(number).await;
            self.tally.count(number, answer);
        }
    }

    async fn send(&mut self, number: u64) -> Result<Answer, NoAnswer> {
        let path = format!("/orders/{number}");
        if self.keep == Keep::Closed {
            return http::get_once(self.address, &path).await;
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let answer = connection.get(&path, Keep::Open).await?;
        // Told that the connection is closed, a client opens another one for its next order.
        self.connection = (!answer.closes).then_some(connection);
        Ok(answer)
    }
}
