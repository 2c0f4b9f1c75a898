//! The schema of a world.

use std::future::ready;
use std::time::Duration;

use bluegreen_core::{MigrationRunner, Release};
use bluegreen_testkit::conformance::Failure;
use bluegreen_testkit::conformance::migration_runner::Subject;
use bluegreen_testkit::{Fault, World};

use super::done;

pub(crate) async fn subject() -> Result<Subject, Failure> {
    let world = world();
    Ok(around(&world, world.migrations()))
}

pub(crate) fn world() -> World {
    World::builder().migrations(["001_add_email", "002_copy_email"]).build()
}

pub(crate) fn around(world: &World, runner: impl MigrationRunner) -> Subject {
    let [counted, broken, old, delayed] = [(); 4].map(|()| world.clone());
    Subject::new(runner, Release::version("v2"), move || ready(Ok(counted.migration_runs().len())))
        .breaks(move || {
            broken.migrations_fail("a lock was held");
            done()
        })
        .old_release_breaks(move || {
            old.old_release_breaks("v1 does not start");
            done()
        })
        .delays(move || {
            delayed.fail_next("migrations.run", Fault::LateEffect(Duration::from_secs(30)));
            done()
        })
}
