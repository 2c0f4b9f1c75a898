//! A namespace with a Service and a blue Deployment made by hand.

use std::time::Duration;

use bluegreen_core::{Entropy, System, Target};
use bluegreen_kube::{Cluster, DeploymentEnvironment};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

const REPLICAS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Shop {
    pub(crate) config: Config,
    pub(crate) target: Target,
    image: String,
    client: kube::Client,
}

impl Shop {
    /// The shop, open; `None` where there is no cluster to measure on.
    pub(crate) async fn open() -> Option<Self> {
        let variable = |name: &str| {
            let value = std::env::var(name).ok();
            if value.is_none() {
                println!("SKIPPED: {name} is not set; this bench needs a cluster");
            }
            value
        };
        let (kubeconfig, image) = (variable("BLUEGREEN_TEST_KUBECONFIG")?, variable("BLUEGREEN_TEST_IMAGE")?);
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let namespace = format!("bench-{:08x}", System.next() as u32);
        let client = Cluster::from_config(config.clone()).unwrap().client().clone();
        let shop = Self { config, target: Target::new(namespace, "checkout"), image, client };
        shop.furnish().await;
        Some(shop)
    }

    async fn furnish(&self) {
        let namespace = &self.target.namespace;
        let made = json!({"metadata": {"name": namespace}});
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.create(&PostParams::default(), &serde_json::from_value(made).unwrap()).await.unwrap();
        let service = json!({
            "metadata": {"name": "checkout"},
            "spec": {"selector": {"app": "checkout", "color": "blue"}, "ports": [{"port": 80, "targetPort": 8080}]},
        });
        let services: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let blue = self.manifest("by-hand", "", Some("blue"));
        deployments.create(&PostParams::default(), &serde_json::from_value(blue).unwrap()).await.unwrap();
        let ready = |deployment: Option<&Deployment>| {
            let status = deployment.and_then(|deployment| deployment.status.as_ref());
            status.and_then(|status| status.ready_replicas) == Some(REPLICAS as i32)
        };
        let waited = kube::runtime::wait::await_condition(deployments, "checkout-blue", ready);
        tokio::time::timeout(PATIENCE, waited).await.unwrap().unwrap();
    }

    pub(crate) async fn close(&self) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&self.target.namespace, &DeleteParams::default()).await.unwrap();
    }

    /// Versions differ by what is in their environment; the image is the same for all.
    pub(crate) fn image(&self, version: &str) -> String {
        let tag = if version.starts_with("good") { "v1" } else { "v2" };
        format!("{}:{tag}", self.image)
    }

    pub(crate) fn environment(&self, cluster: &Cluster, version: &str, start_as: &str) -> DeploymentEnvironment {
        let manifest = serde_json::from_value(self.manifest(version, start_as, None)).unwrap();
        DeploymentEnvironment::new(cluster, &self.target, manifest).unwrap().adopt_existing()
    }

    fn manifest(&self, version: &str, start_as: &str, color: Option<&str>) -> Value {
        let mut labels = json!({"app": "checkout"});
        if let Some(color) = color {
            labels["color"] = json!(color);
        }
        let name = color.map_or_else(|| "checkout".to_owned(), |color| format!("checkout-{color}"));
        json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [{
                    "name": "app", "image": self.image(version), "imagePullPolicy": "IfNotPresent",
                    "ports": [{"containerPort": 8080}],
                    "env": [{"name": "VERSION", "value": version}, {"name": "START_AS", "value": start_as}],
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1},
                }]},
            }},
        })
    }
}
