//! Brings an image to the users of a Kubernetes Service, observes it for half an hour, and takes it back if it fails.

use std::error::Error;
use std::process::exit;

use bluegreen_core::http::HttpProbe;
use bluegreen_core::plan::Watch;
use bluegreen_core::{FileJournal, Release, Rollout, Target};
use bluegreen_kube::{Cluster, DeploymentEnvironment, ServiceRouter};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let image = std::env::args().nth(1).ok_or("which image?")?;
    let cluster = Cluster::infer().await?;
    let target = Target::new("shop", "checkout");
    let rollout = Rollout::builder(&target)
        .environment(DeploymentEnvironment::cloning_active(&cluster, &target))
        .router(ServiceRouter::new(&cluster, &target).preview())
        .journal(FileJournal::open("rollouts")?)
        .smoke(HttpProbe::get("/health").successes(3))
        .watch(Watch::half_hour().probe(HttpProbe::get("/health"), 3))
        .build()?;

    let outcome = rollout.run(Release::image(image)).await?;
    println!("{}", outcome.report());
    exit(outcome.exit_code())
}
