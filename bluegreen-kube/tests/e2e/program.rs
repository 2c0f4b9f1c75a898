//! A deploy program in a process of its own: this test binary, run again.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::shop::Shop;

/// Holds the [`Job`] of a program, as JSON.
pub(crate) const JOB: &str = "BLUEGREEN_E2E_CHILD";

/// How the program ends when a rollout could not be performed to an end.
pub(crate) const ERROR: i32 = 10;

const PATIENCE: Duration = Duration::from_secs(90);

/// What a deploy program is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) namespace: String,
    pub(crate) journals: PathBuf,
    /// Which release of the application.
    pub(crate) number: u32,
    /// Whether the watch fails, although the release works.
    pub(crate) fails: bool,
    pub(crate) fault: Option<Fault>,
}

/// What happens to a deploy program. Counted from 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// Killed before this append to its journal.
    KilledBeforeAppend(u32),
    /// Killed after this append, which is durable by then.
    KilledAfterAppend(u32),
    /// Stopped before this write leaves for the API server.
    StoppedBeforeWrite(u32),
}

impl Job {
    /// A program that brings release `number` to the shop, with a journal that nobody else uses.
    pub(crate) fn new(shop: &Shop, journals: &str, number: u32) -> Self {
        Self {
            namespace: shop.target.namespace.clone(),
            journals: shop.journal_folder(journals),
            number,
            fails: false,
            fault: None,
        }
    }

    /// Its watch fails if `fails`.
    pub(crate) fn failing(mut self, fails: bool) -> Self {
        self.fails = fails;
        self
    }

    pub(crate) fn with(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// A running program; killed when dropped.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Everything it said.
    said: Vec<String>,
}

/// What became of a program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It ended by itself, with this code.
    Ended(i32),
    /// It was killed.
    Killed,
    /// It is stopped, before this write.
    Stopped(String),
}

/// What a program says when it is about to stop itself.
pub(crate) const STOPPING: &str = "stopping before ";

impl Program {
    pub(crate) fn start(job: &Job) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::program", "--nocapture"])
            .env(JOB, serde_json::to_string(job).unwrap())
            // A program that is killed leaves its files behind: in the shop's folder they are removed with it.
            .env("TMPDIR", job.journals.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said: Vec::new() }
    }

    /// Waits until it ends or stops.
    pub(crate) async fn fate(&mut self) -> Fate {
        let wait = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line.clone());
                if let Some(write) = line.strip_prefix(STOPPING) {
                    return Fate::Stopped(write.to_owned());
                }
            }
            self.child.wait().await.unwrap().code().map_or(Fate::Killed, Fate::Ended)
        };
        let fate = tokio::time::timeout(PATIENCE, wait).await;
        fate.unwrap_or_else(|_| panic!("the program didn't end within {PATIENCE:?}; it said:\n{}", self.said()))
    }

    /// Lets a stopped program go on.
    pub(crate) fn go_on(&self) {
        let process = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
        rustix::process::kill_process(process.unwrap(), rustix::process::Signal::CONT).unwrap();
    }

    pub(crate) fn said(&self) -> String {
        self.said.join("\n")
    }
}
