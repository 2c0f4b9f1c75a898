//! Both backends under the suites of the testkit: on `FakeCluster`, and, if `BLUEGREEN_TEST_KUBECONFIG` names one, on a real
//! cluster, where each case has a namespace of its own that is removed, and pods run `BLUEGREEN_TEST_PAUSE_IMAGE`
//! (`bluegreen.test/pause:1`).

mod environment;
mod place;
mod router;

use std::process::ExitCode;

use bluegreen_testkit::conformance::{self, Suite};
use bluegreen_testkit::{Behavior, FakeCluster};

use crate::place::{KUBECONFIG, Server};

fn main() -> ExitCode {
    let fake = suites("fake", fake).map(Suite::paused);
    if std::env::var_os(KUBECONFIG).is_none() {
        eprintln!("SKIPPED on a real cluster: {KUBECONFIG} names none to test on");
        return conformance::run(fake);
    }
    conformance::run(fake.into_iter().chain(suites("real", || Server::Real)))
}

fn suites(name: &str, server: fn() -> Server) -> [Suite; 3] {
    use conformance::{environment as environments, traffic_router as routers};
    [
        environments::suite(format!("{name}::DeploymentEnvironment"), move || environment::subject(server())),
        routers::suite(format!("{name}::ServiceRouter"), move || router::of_one_service(server())),
        routers::suite(format!("{name}::ServiceRouterOfTwo"), move || router::of_two_services(server())),
    ]
}

fn fake() -> Server {
    let cluster = FakeCluster::new();
    cluster.pods(environment::ABSENT, Behavior::image_missing());
    Server::Fake(cluster)
}
