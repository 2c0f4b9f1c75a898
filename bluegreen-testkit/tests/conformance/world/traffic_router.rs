//! The route of a world.

use std::collections::BTreeSet;
use std::time::Duration;

use bluegreen_core::{Color, Endpoint, Release, Split, TrafficRouter};
use bluegreen_testkit::World;
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::traffic_router::Subject;
use tokio::time::sleep;

use super::done;

pub(crate) async fn weighted() -> Result<Subject, Failure> {
    let world = weighted_world();
    Ok(around(&world, world.router(), world.router()))
}

pub(crate) async fn of_two_objects() -> Result<Subject, Failure> {
    let world = world_of_two_objects();
    Ok(around(&world, world.router(), world.router()).objects(2))
}

pub(crate) fn weighted_world() -> World {
    with_both_colors(&World::builder().weights().build())
}

pub(crate) fn world_of_two_objects() -> World {
    with_both_colors(&World::builder().route_objects(["Service/a", "Service/b"]).without_preview().build())
}

fn with_both_colors(world: &World) -> World {
    world.redeploy(Color::Green, Release::version("v2"), 3);
    world.clone()
}

/// Two backends for the route of `world`, with all that a world can do to it.
pub(crate) fn around(world: &World, router: impl TrafficRouter, other: impl TrafficRouter) -> Subject {
    let [serving, edited, obscured, replaced, asked] = [(); 5].map(|()| world.clone());
    Subject::new(router, move |color| all_ready(serving.clone(), color))
        .other(other)
        .edits(move |color| {
            edited.edit_route(Split::only(color));
            done()
        })
        .obscures(move || {
            obscured.remove_key();
            done()
        })
        .replaces_pods(move |color| {
            replaced.kill_pods(color);
            done()
        })
        .answers(move || who_answers(asked.clone()))
}

async fn all_ready(world: World, color: Color) -> Result<BTreeSet<Endpoint>, Failure> {
    while world.color(color).ready < world.color(color).desired {
        sleep(Duration::from_millis(100)).await;
    }
    Ok(world.color(color).endpoints)
}

async fn who_answers(world: World) -> Result<BTreeSet<Color>, Failure> {
    let before = world.requests().answered;
    sleep(Duration::from_secs(1)).await;
    let after = world.requests().answered;
    Ok(Color::ALL.into_iter().filter(|color| after.get(*color) > before.get(*color)).collect())
}
