//! The process around [`bluegreen_test_app`]: environment in, signals in, exit code out.

use std::fmt::Display;
use std::io::{Write, stderr};
use std::process::ExitCode;

use bluegreen_test_app::{Config, Outcome, Server};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of an app that was told to fail.
const TOLD_TO_EXIT: u8 = 1;

/// The exit code of an app that could not start at all: a mistake in the test, not a part of it.
const CANNOT_START: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return fatal(error, CANNOT_START),
    };
    if config.exits_at_start() {
        return fatal("told to exit at start", TOLD_TO_EXIT);
    }
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return fatal(error, CANNOT_START),
    };
    let server = match Server::bind(config).await {
        Ok(server) => server,
        Err(error) => return fatal(error, CANNOT_START),
    };
    let stop = async {
        terminate.recv().await;
    };
    match server.run(stop).await {
        Outcome::Stopped => ExitCode::SUCCESS,
        Outcome::ToldToExit => ExitCode::from(TOLD_TO_EXIT),
    }
}

/// Says on stderr why the app ends. A closed stderr is no reason to panic.
fn fatal(reason: impl Display, code: u8) -> ExitCode {
    let _ = writeln!(stderr(), "fatal: {reason}");
    ExitCode::from(code)
}
