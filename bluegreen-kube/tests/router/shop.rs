//! A namespace of its own on a cluster for tests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::{Endpoint, Target};
use bluegreen_kube::{Cluster, ServiceRouter};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

/// Names the cluster that may be used for tests; never the plain `KUBECONFIG`.
const KUBECONFIG: &str = "BLUEGREEN_TEST_KUBECONFIG";

/// How long anything in here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace of its own, and what is called at each write.
pub(crate) struct Shop {
    pub(crate) cluster: Cluster,
    pub(crate) target: Target,
    pub(crate) writes: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    /// Runs `test` in a new namespace and removes it, whatever came of the test.
    pub(crate) async fn run<F: Future<Output = ()> + Send + 'static>(name: &str, test: impl FnOnce(Arc<Self>) -> F) {
        let Some(path) = std::env::var_os(KUBECONFIG) else {
            eprintln!("SKIPPED {name}: set {KUBECONFIG} to the kubeconfig of a cluster for tests");
            return;
        };
        let kubeconfig = Kubeconfig::read_from(path).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let writes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&writes);
        let cluster = Cluster::from_config(config)
            .unwrap()
            .with_write_hook(move |method, path| seen.lock().unwrap().push(format!("{method} {path}")));
        let namespaces: Api<Namespace> = Api::all(cluster.client().clone());
        let namespace = format!("kube-router-{name}-{}", std::process::id());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        let shop = Arc::new(Self { cluster, target: Target::new(&namespace, "checkout"), writes });
        let outcome = tokio::spawn(tokio::time::timeout(PATIENCE, test(shop))).await;
        namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
        match outcome {
            Ok(done) => done.expect("the test took too long"),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    pub(crate) fn router(&self) -> ServiceRouter {
        ServiceRouter::new(&self.cluster, &self.target)
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client().clone(), &self.target.namespace)
    }

    pub(crate) async fn service(&self, name: &str, selector: Value) {
        let service = json!({"metadata": {"name": name}, "spec": {
            "selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}});
        self.api::<Service>().create(&PostParams::default(), &from(service)).await.unwrap();
    }

    pub(crate) async fn deployment(&self, color: &str, replicas: u32) {
        let labels = json!({"app": "checkout", "color": color});
        let deployment = json!({"metadata": {"name": format!("checkout-{color}")}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": std::env::var("BLUEGREEN_TEST_PAUSE_IMAGE").unwrap_or_else(|_| "bluegreen.test/pause:1".to_owned()), "imagePullPolicy": "Never",
                    "ports": [{"name": "web", "containerPort": 8080}]}]}}}});
        self.api::<Deployment>().create(&PostParams::default(), &from(deployment)).await.unwrap();
    }

    /// Waits until `count` pods of a color are ready.
    pub(crate) async fn ready(&self, color: &str, count: usize) -> BTreeSet<Endpoint> {
        let selector = ListParams::default().labels(&format!("color={color}"));
        loop {
            let pods = self.api::<Pod>().list(&selector).await.unwrap();
            let ready: BTreeSet<_> = pods.items.iter().filter(|pod| is_ready(pod)).map(endpoint).collect();
            if ready.len() == count {
                return ready;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn edit(&self, manager: &str, name: &str, patch: Value) {
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        self.api::<Service>().patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }
}

pub(crate) fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions
        .into_iter()
        .any(|condition| json!(condition)["type"] == "Ready" && json!(condition)["status"] == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn endpoint(pod: &Pod) -> Endpoint {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Endpoint { id: text(&pod.metadata.uid), name: text(&pod.metadata.name), address: None }
}
