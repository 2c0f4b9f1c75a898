//! Both backends under the suites of the testkit, on a real cluster: the one that `BLUEGREEN_TEST_KUBECONFIG` names, each
//! case in a namespace of its own that is removed. Pods run `BLUEGREEN_TEST_PAUSE_IMAGE` (`bluegreen.test/pause:1`).

mod environment;
mod place;
mod router;

use std::process::ExitCode;

use bluegreen_testkit::conformance::{self, Time};

fn main() -> ExitCode {
    if std::env::var_os(place::KUBECONFIG).is_none() {
        eprintln!("SKIPPED all of conformance: {} names no cluster to test on", place::KUBECONFIG);
        return ExitCode::SUCCESS;
    }
    let suites = [
        conformance::environment::suite("DeploymentEnvironment", environment::subject),
        conformance::traffic_router::suite("ServiceRouter", router::of_one_service),
        conformance::traffic_router::suite("ServiceRouterOfTwoServices", router::of_two_services),
    ];
    conformance::run(Time::Real, suites)
}
