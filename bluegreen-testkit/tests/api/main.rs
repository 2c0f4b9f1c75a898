//! How a Kubernetes API server behaves: one suite, run against `FakeCluster` and against a real server.
//!
//! `fake::...` always runs; `real::...` runs against the cluster that `BLUEGREEN_TEST_KUBECONFIG` names. The real server
//! is the truth: a case is right when it passes there, and the fake is right when it passes the same case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where something is wrong")]

mod answer;
mod cases;
mod manifests;
mod place;
mod server;
mod watch;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::server::Server;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let servers = Server::all();
    let trials = servers.into_iter().flat_map(|server| {
        cases::all().into_iter().map(move |(area, case)| {
            let name = format!("{}::{area}::{}", server.name(), case.name);
            let server = server.clone();
            Trial::test(name, move || {
                server.run(case);
                Ok(())
            })
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
