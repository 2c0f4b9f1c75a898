//! The in-memory world under all suites.

mod world;

use std::process::ExitCode;

use bluegreen_testkit::conformance::{self, Time};

fn main() -> ExitCode {
    conformance::run(Time::Paused, world::suites())
}
