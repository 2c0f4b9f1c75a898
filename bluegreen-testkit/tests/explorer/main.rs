//! Everything that can go wrong, tried.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod bugs;
mod plans;
mod regressions;
mod survives;
