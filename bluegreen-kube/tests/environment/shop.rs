//! A namespace with a shop to try things in.

use std::time::Duration;

use bluegreen_core::{BackendError, Color, ColorObservation, Deploy, Environment, Fence, Release, Seal, Stamp, Target};
use bluegreen_kube::{Cluster, DeploymentEnvironment};
use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

/// A namespace of its own for one test.
pub(crate) struct Shop {
    pub(crate) cluster: Cluster,
    pub(crate) target: Target,
}

impl Shop {
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client().clone(), &self.target.namespace)
    }

    pub(crate) fn environment(&self) -> DeploymentEnvironment {
        self.environment_with("")
    }

    /// With more in the container.
    pub(crate) fn environment_with(&self, container: &str) -> DeploymentEnvironment {
        let manifest = manifest(container);
        DeploymentEnvironment::from_yaml(&self.cluster, &self.target, &manifest).unwrap()
    }

    pub(crate) async fn live(&self, color: Color) -> Deployment {
        self.api().get(&format!("checkout-{color}")).await.unwrap()
    }

    /// What a person does by hand.
    pub(crate) async fn edit(&self, color: Color, patch: Value) {
        let params = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
        let name = format!("checkout-{color}");
        self.api::<Deployment>().patch(&name, &params, &Patch::Strategic(patch)).await.unwrap();
    }

    pub(crate) async fn make_by_hand(&self, color: Color, replicas: u32) {
        let mut made: Deployment = serde_saphyr::from_str(&manifest("")).unwrap();
        let mut value = serde_json::to_value(&made).unwrap();
        value["metadata"]["name"] = json!(format!("checkout-{color}"));
        value["spec"]["replicas"] = json!(replicas);
        value["spec"]["selector"]["matchLabels"]["color"] = json!(color);
        value["spec"]["template"]["metadata"]["labels"]["color"] = json!(color);
        value["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image());
        made = serde_json::from_value(value).unwrap();
        let params = PostParams { field_manager: Some("kubectl-create".into()), ..PostParams::default() };
        self.api().create(&params, &made).await.unwrap();
    }
}

fn manifest(container: &str) -> String {
    format!(
        "
metadata: {{labels: {{app: checkout}}}}
spec:
  selector: {{matchLabels: {{app: checkout}}}}
  template:
    metadata: {{labels: {{app: checkout}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        imagePullPolicy: IfNotPresent
        {container}
"
    )
}

pub(crate) fn image() -> String {
    std::env::var("BLUEGREEN_TEST_PAUSE_IMAGE").unwrap_or_else(|_| "bluegreen.test/pause:1".to_owned())
}

/// Another release of the same image.
pub(crate) fn release(version: &str) -> Release {
    Release { version: version.to_owned(), artifact: Some(image()), configuration: Some(version.to_owned()) }
}

pub(crate) fn stamp(seq: u64) -> Stamp {
    format!("1.{seq}/test").parse().unwrap()
}

pub(crate) fn deploy<'a>(
    expect: &'a ColorObservation,
    fence: Fence,
    stamp: &'a Stamp,
    release: &'a Release,
    replicas: u32,
) -> Deploy<'a> {
    Deploy { expect, fence, stamp, release, replicas }
}

/// Runs a test in a namespace of its own, and removes it whatever happens.
pub(crate) async fn in_a_shop<F>(case: &str, test: impl FnOnce(Shop) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(path) = std::env::var_os("BLUEGREEN_TEST_KUBECONFIG") else {
        eprintln!("SKIPPED {case}: BLUEGREEN_TEST_KUBECONFIG names no cluster to test on");
        return;
    };
    let kubeconfig = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let cluster = Cluster::from_config(config).unwrap();
    let namespaces: Api<Namespace> = Api::all(Client::clone(cluster.client()));
    let name = format!("bluegreen-environment-{case}-{}", std::process::id());
    let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let shop = Shop { cluster, target: Target::new(name.clone(), "checkout") };
    let result = tokio::spawn(test(shop)).await;
    namespaces.delete(&name, &DeleteParams::default()).await.unwrap();
    result.unwrap();
}

/// Seals what carries no stamp yet. That tests the version, which changes with the status too: a conflict is read again.
pub(crate) async fn first_seal(environment: &DeploymentEnvironment, color: Color, stamp: &Stamp) -> ColorObservation {
    for _ in 0..20 {
        let seen = environment.observe(color).await.unwrap();
        match environment.seal(Seal { expect: &seen, fence: Fence::Version, stamp }).await {
            Ok(sealed) => return sealed,
            Err(BackendError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{color} never stays as it is")
}

/// Follows a color until it is as wanted, and returns it.
pub(crate) async fn until(
    environment: &DeploymentEnvironment,
    color: Color,
    what: &str,
    wanted: impl Fn(&ColorObservation) -> bool + Send + Sync,
) -> ColorObservation {
    let mut last = None;
    let mut watch = environment.watch(color);
    let follow = async {
        loop {
            let seen = watch.next().await.expect("a watch doesn't end").unwrap();
            if wanted(&seen) {
                return seen;
            }
            last = Some(seen);
        }
    };
    match tokio::time::timeout(Duration::from_secs(90), follow).await {
        Ok(seen) => seen,
        Err(_) => panic!("{color} never became {what}; last: {last:#?}"),
    }
}
