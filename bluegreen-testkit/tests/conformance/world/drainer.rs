//! The open connections of a world.

use std::time::Duration;

use bluegreen_core::{Color, Drainer, Release, Split};
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::drainer::Subject;
use bluegreen_testkit::{Behavior, World};
use tokio::time::sleep;

use super::done;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = world().await;
    Ok(around(&world, world.drainer()))
}

/// A world with one pod in each color, both of which served users.
pub(crate) async fn world() -> World {
    let world = World::builder().replicas(1).connections(10).build();
    world.redeploy(Color::Green, Release::version("v2"), 1);
    sleep(Duration::from_secs(5)).await;
    world.edit_route(Split::only(Color::Green));
    sleep(Duration::from_secs(5)).await;
    world
}

pub(crate) fn around(world: &World, drainer: impl Drainer) -> Subject {
    let [ended, mute] = [(); 2].map(|()| world.clone());
    let endpoints = Color::ALL.into_iter().flat_map(|color| world.color(color).endpoints);
    Subject::new(drainer, endpoints, 10)
        .goes(move |_| {
            ended.delete(Color::Blue);
            done()
        })
        .stays_mute(move |_| {
            mute.behaves("v1", Behavior::never_ready());
            done()
        })
}
