//! Worlds as subjects.

mod environment;
mod traffic_router;

use std::future::{Ready, ready};

use bluegreen_testkit::conformance::{self, Failure, Suite};

pub(crate) fn suites() -> Vec<Suite> {
    vec![
        conformance::environment::suite("WorldEnvironment", environment::subject),
        conformance::traffic_router::suite("WorldRouter", traffic_router::weighted),
        conformance::traffic_router::suite("WorldRouterOfTwo", traffic_router::of_two_objects),
    ]
}

/// What a lever that pulls at once comes to.
fn done() -> Ready<Result<(), Failure>> {
    ready(Ok(()))
}
