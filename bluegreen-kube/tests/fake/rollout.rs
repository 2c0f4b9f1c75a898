//! Whole rollouts, with everything that a real cluster has but the time it takes.

use std::time::Duration;

use bluegreen_core::plan::{Capacity, Watch};
use bluegreen_core::{MemoryJournal, Outcome, Release, Rollout, Target};
use bluegreen_kube::{Cluster, DeploymentEnvironment, ServiceRouter};
use bluegreen_testkit::{Behavior, FakeCluster};
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tokio::time::Instant;

use crate::from;

const MANIFEST: &str = "
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers: [{name: app, ports: [{name: web, containerPort: 8080}]}]
";

/// A cluster whose users are led to blue, where nothing is yet.
async fn shop() -> FakeCluster {
    let fake = FakeCluster::new();
    let service = json!({"metadata": {"name": "checkout"}, "spec": {
        "selector": {"app": "checkout", "color": "blue"}, "ports": [{"port": 80, "targetPort": "web"}]}});
    let services: Api<Service> = Api::default_namespaced(fake.client("shop"));
    services.create(&PostParams::default(), &from(service)).await.unwrap();
    fake
}

async fn roll_out(fake: &FakeCluster, image: &str) -> Outcome {
    let (cluster, target) = (Cluster::from_client(fake.client("shop")), Target::new("shop", "checkout"));
    let rollout = Rollout::builder(&target)
        .environment(DeploymentEnvironment::from_yaml(&cluster, &target, MANIFEST).unwrap())
        .router(ServiceRouter::new(&cluster, &target))
        .journal(MemoryJournal::new())
        .watch(Watch::lasting(Duration::from_secs(600)))
        .capacity(Capacity::Exactly(3))
        .clock(fake.clock())
        .build()
        .unwrap();
    rollout.run(Release::image(image)).await.unwrap()
}

async fn promote(fake: &FakeCluster, image: &str) {
    let outcome = roll_out(fake, image).await;
    assert!(matches!(outcome, Outcome::Promoted(_)), "{}", outcome.report());
}

/// The color that users are led to.
fn serving(fake: &FakeCluster) -> String {
    let service = fake.objects("test").get("Service", "shop", "checkout").unwrap();
    service["spec"]["selector"]["color"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn two_releases_are_promoted_one_after_the_other() {
    let fake = shop().await;
    for (image, color) in [("app:1", "green"), ("app:2", "blue")] {
        promote(&fake, image).await;
        assert_eq!(serving(&fake), color);
    }
    let old = fake.objects("test").get("Deployment", "shop", "checkout-green").unwrap();
    assert_eq!(old["spec"]["replicas"], 0);
}

#[tokio::test(start_paused = true)]
async fn pods_that_fail_after_five_minutes_lead_users_back() {
    let fake = shop().await;
    promote(&fake, "app:1").await;
    fake.pods("app:2", Behavior::unready_after(Duration::from_secs(300)));
    let begin = Instant::now();
    let outcome = roll_out(&fake, "app:2").await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert!(begin.elapsed() < Duration::from_secs(400), "{:?}", begin.elapsed());
    assert_eq!(serving(&fake), "green");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_missing_is_given_up_within_a_minute() {
    let fake = shop().await;
    promote(&fake, "app:1").await;
    fake.pods("app:2", Behavior::image_missing());
    let begin = Instant::now();
    let outcome = roll_out(&fake, "app:2").await;
    assert!(matches!(outcome, Outcome::Aborted(_)), "{}", outcome.report());
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    assert_eq!(serving(&fake), "green");
}
