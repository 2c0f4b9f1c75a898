//! The two colors of a world.

use std::future::ready;

use bluegreen_core::{Color, Environment, Release};
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::environment::Subject;
use bluegreen_testkit::{Behavior, World};

use super::done;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = world();
    Ok(around(&world, world.environment(), world.environment()).adopts())
}

pub(crate) fn world() -> World {
    let world = World::builder().nothing_deployed().autoscaler(Color::Blue, 1, 10).build();
    world.behaves("stuck", Behavior::never_ready());
    world
}

/// Two backends for the colors of `world`, with all that a world can do to them.
pub(crate) fn around(world: &World, environment: impl Environment, other: impl Environment) -> Subject {
    let [losing, edited, deleted, marked] = [(); 4].map(|()| world.clone());
    Subject::new(environment, ["v1", "v2"].map(Release::version))
        .other(other)
        .never_ready(Release::version("stuck"))
        .loses_pods(move |color| {
            losing.kill_pods(color);
            done()
        })
        .edits(move |color| {
            edited.redeploy(color, Release::version("by hand"), 2);
            done()
        })
        .deletes(move |color| {
            deleted.delete(color);
            done()
        })
        .cleanup_after(move |color| ready(Ok(marked.cleanup_after(color))))
        .autoscaled(Color::Blue)
}
