//! The backends on a fake cluster: what takes a real one minutes, or can't be made to happen there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod environment;
mod rollout;
mod router;

use bluegreen_core::{Release, Stamp, Target};
use bluegreen_kube::Cluster;
use bluegreen_testkit::FakeCluster;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A fake cluster, and what the backends see of it.
struct Shop {
    fake: FakeCluster,
    cluster: Cluster,
    target: Target,
}

impl Shop {
    fn new() -> Self {
        let fake = FakeCluster::api_only();
        let cluster = Cluster::from_client(fake.client("shop"));
        Self { fake, cluster, target: Target::new("shop", "checkout") }
    }

    /// The objects of a kind, for someone who is not the library.
    fn api<K>(&self) -> kube::Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        kube::Api::default_namespaced(self.fake.client("shop"))
    }
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn stamp(seq: u64) -> Stamp {
    format!("1.{seq}/test").parse().unwrap()
}

fn release(version: &str) -> Release {
    Release { version: version.to_owned(), artifact: Some(format!("app:{version}")), configuration: None }
}
