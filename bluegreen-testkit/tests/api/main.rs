//! How a Kubernetes API server behaves: one suite, run against `FakeCluster` and against a real server.
//!
//! `fake::...` always runs; `real::...` runs against the cluster that `BLUEGREEN_TEST_KUBECONFIG` names. The real server
//! is the truth: a case is right when it passes there, and the fake is right when it passes the same case. What the fake
//! does differently on purpose is listed in [`differences`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where something is wrong")]
#![expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]

mod answer;
mod cases;
mod differences;
mod manifests;
mod place;
mod server;
mod watch;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::cases::Case;
use crate::server::Server;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = Server::all()
        .into_iter()
        .flat_map(|server| cases::all().into_iter().map(move |(area, case)| trial(server.clone(), area, case)));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn trial(server: Server, area: &str, case: Case) -> Trial {
    let differs = matches!(server, Server::Fake(_)) && differences::includes(area, case.name);
    let name = format!("{}::{area}::{}", server.name(), case.name);
    let run = move || {
        server.run(case);
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(differs)
}
