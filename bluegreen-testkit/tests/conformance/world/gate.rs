//! The gate of a world.

use bluegreen_core::Gate;
use bluegreen_testkit::World;
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::gate::Subject;

use super::done;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = World::builder().build();
    Ok(around(&world, world.gate()))
}

pub(crate) fn around(world: &World, gate: impl Gate) -> Subject {
    let world = world.clone();
    Subject::new(gate, move |decision| {
        world.decide(decision);
        done()
    })
}
