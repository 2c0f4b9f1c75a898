//! Worlds as subjects: for each suite a world, and all that it can do to a backend of it.

pub(crate) mod drainer;
pub(crate) mod environment;
pub(crate) mod error_signal;
pub(crate) mod gate;
pub(crate) mod health_probe;
pub(crate) mod journal;
pub(crate) mod migration_runner;
pub(crate) mod preflight;
pub(crate) mod traffic_router;

use std::future::{Ready, ready};

use bluegreen_testkit::conformance::Failure;

/// What a lever that pulls at once comes to.
pub(crate) fn done() -> Ready<Result<(), Failure>> {
    ready(Ok(()))
}
