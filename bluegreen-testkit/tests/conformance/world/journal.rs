//! The journal of a world.

use std::future::ready;

use bluegreen_testkit::World;
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::journal::Subject;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = World::builder().build();
    Ok(Subject::new(move || ready(Ok(world.journal()))))
}
