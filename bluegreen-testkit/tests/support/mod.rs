//! What the tests of the world share.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Environment, Fence, Holder, Release, RolloutId, RouteMark,
    RouteObject, RouteState, RouteWrite, Scale, Seal, Split, Stamp, TrafficRouter,
};
use bluegreen_testkit::World;

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn stamp(seq: u64) -> Stamp {
    Stamp { epoch: 1, seq, holder: Holder::new(7) }
}

/// The fence that fits what was read.
pub(crate) fn fence(color: &ColorObservation) -> Fence {
    color.stamp.as_ref().map_or(Fence::Version, |_| Fence::Stamp)
}

pub(crate) async fn deploy(
    world: &World,
    color: Color,
    version: &str,
    seq: u64,
) -> Result<ColorObservation, BackendError> {
    let expect = world.color(color);
    deploy_over(world, &expect, fence(&expect), version, seq).await
}

pub(crate) async fn deploy_over(
    world: &World,
    expect: &ColorObservation,
    fence: Fence,
    version: &str,
    seq: u64,
) -> Result<ColorObservation, BackendError> {
    let deploy = Deploy { expect, fence, stamp: &stamp(seq), release: &Release::version(version), replicas: 3 };
    world.environment().deploy(deploy).await
}

pub(crate) async fn scale(
    world: &World,
    color: Color,
    replicas: u32,
    seq: u64,
) -> Result<ColorObservation, BackendError> {
    let expect = &world.color(color);
    let scale = Scale { expect, fence: fence(expect), stamp: &stamp(seq), replicas, cleanup_after: None };
    world.environment().scale(scale).await
}

pub(crate) async fn seal(world: &World, expect: &ColorObservation, seq: u64) -> Result<ColorObservation, BackendError> {
    let seal = Seal { expect, fence: fence(expect), stamp: &stamp(seq) };
    world.environment().seal(seal).await
}

pub(crate) async fn write(
    world: &World,
    object: &RouteObject,
    to: Split,
    seq: u64,
) -> Result<RouteObject, BackendError> {
    let mark = RouteMark {
        stamp: stamp(seq),
        split: to,
        rollout: RolloutId::from("test".to_owned()),
        origin: Color::Blue,
        ended: false,
    };
    let write = RouteWrite {
        object,
        fence: object.mark.as_ref().map_or(Fence::Version, |_| Fence::Stamp),
        to: &RouteState::Routes(to),
        mark: &mark,
    };
    world.router().write(write).await
}

/// Writes every object of the route as it is now.
pub(crate) async fn switch(world: &World, to: Color, seq: u64) -> Result<(), BackendError> {
    for object in &world.route().objects {
        write(world, object, Split::only(to), seq).await?;
    }
    Ok(())
}

pub(crate) fn is_conflict<T>(result: &Result<T, BackendError>) -> bool {
    matches!(result, Err(BackendError::Conflict { .. }))
}
