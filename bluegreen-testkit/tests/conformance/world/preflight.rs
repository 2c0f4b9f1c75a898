//! The precondition of a world.

use std::future::ready;

use bluegreen_core::{Color, Preflight, PreflightContext, Release, Target};
use bluegreen_testkit::World;
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::preflight::Subject;

use super::done;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = World::builder().build();
    Ok(around(&world, world.preflight()))
}

pub(crate) fn around(world: &World, preflight: impl Preflight) -> Subject {
    let context = PreflightContext {
        target: Target::new("shop", "checkout"),
        release: Release::version("v2"),
        active: Color::Blue,
        standby: Color::Green,
    };
    let [broken, seen] = [(); 2].map(|()| world.clone());
    let break_it = move || {
        broken.preflight_fails("the quota is used up");
        done()
    };
    Subject::new(preflight, context, break_it)
        .looks(move || ready(Ok(format!("{:?} {:?}", seen.route(), Color::ALL.map(|color| seen.color(color))))))
}
