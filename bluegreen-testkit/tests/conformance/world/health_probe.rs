//! The health of a world.

use std::time::Duration;

use bluegreen_core::{Address, Color, HealthProbe, ProbeTarget, Via};
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::health_probe::{Answers, Subject};
use bluegreen_testkit::{Behavior, World};
use tokio::time::sleep;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = World::builder().build();
    Ok(around(&world, world.probe("health")))
}

pub(crate) fn around(world: &World, probe: impl HealthProbe) -> Subject {
    let places = [
        (Answers::Well, Behavior::healthy()),
        (Answers::Badly, Behavior::failing(1.0)),
        (Answers::NobodyThere, Behavior::never_ready()),
    ];
    places.into_iter().fold(Subject::new(probe, Duration::from_secs(1)), |subject, (answers, behavior)| {
        let world = world.clone();
        subject.place(answers, move || place(world.clone(), behavior))
    })
}

/// Blue, behaving like this.
async fn place(world: World, behavior: Behavior) -> Result<ProbeTarget, Failure> {
    world.behaves("v1", behavior);
    sleep(Duration::from_secs(5)).await;
    Ok(ProbeTarget {
        color: Color::Blue,
        via: Via::Production,
        address: Some(Address("http://production.world".to_owned())),
        endpoints: Vec::new(),
        once: false,
    })
}
