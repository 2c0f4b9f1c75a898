//! The in-memory world under all suites.

mod world;

use std::process::ExitCode;

use bluegreen_testkit::conformance::{
    self, Suite, drainer, environment, error_signal, gate, health_probe, journal, migration_runner, preflight,
    traffic_router,
};

fn main() -> ExitCode {
    let suites = [
        environment::suite("WorldEnvironment", world::environment::subject),
        traffic_router::suite("WorldRouter", world::traffic_router::weighted),
        traffic_router::suite("WorldRouterOfTwo", world::traffic_router::of_two_objects),
        health_probe::suite("WorldProbe", world::health_probe::subject),
        migration_runner::suite("WorldMigrations", world::migration_runner::subject),
        error_signal::suite("WorldSignal", world::error_signal::subject),
        journal::suite("WorldJournal", world::journal::subject),
        gate::suite("WorldGate", world::gate::subject),
        preflight::suite("WorldPreflight", world::preflight::subject),
        drainer::suite("WorldDrainer", world::drainer::subject),
    ];
    conformance::run(suites.map(Suite::paused))
}
