//! Worlds as subjects.

use bluegreen_core::{Color, Release};
use bluegreen_testkit::conformance::{Failure, Suite, environment};
use bluegreen_testkit::{Behavior, World};

pub(crate) fn suites() -> Vec<Suite> {
    vec![environment::suite("WorldEnvironment", environment_subject)]
}

pub(crate) async fn environment_subject() -> Result<environment::Subject, Failure> {
    let world = World::builder().nothing_deployed().autoscaler(Color::Blue, 1, 10).build();
    world.behaves("stuck", Behavior::never_ready());
    let releases = ["v1", "v2"].map(Release::version);
    let [losing, edited, deleted, marked] = [(); 4].map(|()| world.clone());
    Ok(environment::Subject::new(world.environment(), releases)
        .other(world.environment())
        .never_ready(Release::version("stuck"))
        .loses_pods(move |color| {
            losing.kill_pods(color);
            done()
        })
        .edits(move |color| {
            edited.redeploy(color, Release::version("by hand"), 2);
            done()
        })
        .adopts()
        .deletes(move |color| {
            deleted.delete(color);
            done()
        })
        .cleanup_after(move |color| std::future::ready(Ok(marked.cleanup_after(color))))
        .autoscaled(Color::Blue))
}

/// What a lever that pulls at once comes to.
fn done() -> std::future::Ready<Result<(), Failure>> {
    std::future::ready(Ok(()))
}
