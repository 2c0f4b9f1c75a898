//! What is counted in a world.

use std::time::Duration;

use bluegreen_core::{Clock, Color, ErrorSignal, Release, Window};
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::error_signal::{Happened, Quality, Subject};
use bluegreen_testkit::{Behavior, Fault, World};
use tokio::time::sleep;

use super::done;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = world();
    Ok(around(&world, world.signal("errors")))
}

/// A world in which blue serves 100 requests a second with three pods.
pub(crate) fn world() -> World {
    World::builder().serving(Color::Blue, Release::version("v1")).users(100).build()
}

pub(crate) fn around(world: &World, signal: impl ErrorSignal) -> Subject {
    let [used, down] = [(); 2].map(|()| world.clone());
    Subject::new(signal, move |_, quality| use_it(used.clone(), quality)).fails(move || {
        down.fail_next("signal.sample", Fault::Error);
        done()
    })
}

async fn use_it(world: World, quality: Quality) -> Result<Happened, Failure> {
    let (behavior, bad) = match quality {
        Quality::Flawless => (Behavior::healthy(), 0),
        Quality::Flawed => (Behavior::failing(0.1), 200),
    };
    let from = world.clock().now();
    world.behaves("v1", behavior);
    sleep(Duration::from_secs(20)).await;
    Ok(Happened { window: Window { from, to: world.clock().now() }, bad, total: 2000 })
}
