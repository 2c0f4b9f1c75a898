//! The state of the app: who it is and how it behaves at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::header::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::connections::Connections;
use crate::log;
use crate::mode::{Change, Mode};

/// How long `exit` waits, so that whoever asked for it still gets an answer.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Who the app is and how it behaves at the moment. Cloning it gives another handle to the same app.
#[derive(Clone, Debug)]
pub struct App {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    version: HeaderValue,
    color: Option<String>,
    pod: Option<String>,
    ready_at: Instant,
    answered: AtomicU64,
    failing: AtomicBool,
    unready: AtomicBool,
    unhealthy: AtomicBool,
    slow_by_millis: AtomicU64,
    closing: AtomicBool,
    told_to_exit: Notify,
    connections: Connections,
}

impl App {
    /// An app that starts now. The modes to start in are left to the caller, as some of them need a runtime.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let state = State {
            version: config.version.clone(),
            color: config.color.clone(),
            pod: config.pod.clone(),
            ready_at: Instant::now() + config.start_delay,
            answered: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            unready: AtomicBool::new(false),
            unhealthy: AtomicBool::new(false),
            slow_by_millis: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            told_to_exit: Notify::new(),
            connections: Connections::default(),
        };
        Self { state: Arc::new(state) }
    }

    /// Changes the mode, now or later. Must be called from within a runtime.
    pub fn set(&self, mode: Mode) {
        match mode.after {
            None => self.change(mode.change),
            Some(after) => {
                log::line(format_args!("mode {mode} is set"));
                self.change_later(mode.change, after);
            }
        }
    }

    fn change(&self, change: Change) {
        log::line(format_args!("mode is now {change}"));
        let state = &self.state;
        match change {
            Change::Ok => {
                state.failing.store(false, Ordering::SeqCst);
                state.unhealthy.store(false, Ordering::SeqCst);
                self.slow_by(Duration::ZERO);
            }
            Change::Fail => state.failing.store(true, Ordering::SeqCst),
            Change::Slow(delay) => self.slow_by(delay),
            Change::Unready => state.unready.store(true, Ordering::SeqCst),
            Change::Ready => state.unready.store(false, Ordering::SeqCst),
            Change::Unhealthy => state.unhealthy.store(true, Ordering::SeqCst),
            Change::Exit => {
                let app = self.clone();
                tokio::spawn(async move {
                    sleep(LAST_WORDS).await;
                    app.state.told_to_exit.notify_one();
                });
            }
        }
    }

    fn change_later(&self, change: Change, after: Duration) {
        let app = self.clone();
        tokio::spawn(async move {
            sleep(after).await;
            app.change(change);
        });
    }

    fn slow_by(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.state.slow_by_millis.store(millis, Ordering::SeqCst);
    }

    /// From now on every answer closes its connection.
    pub fn close_connections(&self) {
        self.state.closing.store(true, Ordering::SeqCst);
    }

    /// Answers leave their connections open again.
    pub fn keep_connections(&self) {
        self.state.closing.store(false, Ordering::SeqCst);
    }

    /// Whether every answer closes its connection.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.state.closing.load(Ordering::SeqCst)
    }

    /// Whether `/` fails.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.state.failing.load(Ordering::SeqCst)
    }

    /// What `/health` is about.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.state.unhealthy.load(Ordering::SeqCst)
    }

    /// What `/ready` is about.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.state.unready.load(Ordering::SeqCst) && Instant::now() >= self.state.ready_at
    }

    /// How late `/` answers.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.state.slow_by_millis.load(Ordering::SeqCst))
    }

    /// The version, as every answer tells it.
    #[must_use]
    pub fn version(&self) -> &HeaderValue {
        &self.state.version
    }

    /// Who the app is.
    #[must_use]
    pub fn identity(&self) -> Value {
        let version = String::from_utf8_lossy(self.state.version.as_bytes());
        json!({ "version": version, "color": self.state.color, "pod": self.state.pod })
    }

    /// Who the app is, with the number of this answer.
    #[must_use]
    pub fn numbered_identity(&self) -> Value {
        let mut identity = self.identity();
        identity["n"] = (self.state.answered.fetch_add(1, Ordering::SeqCst) + 1).into();
        identity
    }

    /// The connections of clients.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.state.connections
    }

    /// Waits until the app is told to exit by its mode.
    pub async fn told_to_exit(&self) {
        self.state.told_to_exit.notified().await;
    }
}
