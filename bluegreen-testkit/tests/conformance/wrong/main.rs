//! Every case of every suite can fail: for each there is a backend that is wrong in one way and that it catches.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests are tests, too")]

mod drainer;
mod environment;
mod error_signal;
mod gate;
mod health_probe;
mod journal;
mod migration_runner;
mod preflight;
mod proof;
mod running;
mod traffic_router;
#[path = "../world/mod.rs"]
#[allow(dead_code, reason = "each test uses its own part")]
mod world;
