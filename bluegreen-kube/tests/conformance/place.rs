//! A namespace of its own for each case.

use bluegreen_core::{Color, Endpoint, Target};
use bluegreen_kube::Cluster;
use bluegreen_testkit::FakeCluster;
use bluegreen_testkit::conformance::{Checked, Failure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

/// Names the cluster that may be used for tests; never the plain `KUBECONFIG`.
pub(crate) const KUBECONFIG: &str = "BLUEGREEN_TEST_KUBECONFIG";

/// Where the cases run.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    /// The cluster that the kubeconfig names.
    Real,
    /// One in memory, of its own for each case.
    Fake(FakeCluster),
}

impl Server {
    async fn connect(&self) -> Result<Cluster, Failure> {
        let path = match self {
            Self::Fake(cluster) => return Ok(Cluster::from_client(cluster.client("default"))),
            Self::Real => std::env::var_os(KUBECONFIG),
        };
        let path = path.ok_or_else(|| Failure::new(format!("{KUBECONFIG} is not set")))?;
        let kubeconfig = Kubeconfig::read_from(path)?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Cluster::from_config(config)?)
    }
}

/// A namespace on a cluster, seen by one process.
#[derive(Clone)]
pub(crate) struct Place {
    server: Server,
    pub(crate) cluster: Cluster,
    pub(crate) target: Target,
}

impl Place {
    /// Makes a namespace.
    pub(crate) async fn make(server: Server) -> Result<Self, Failure> {
        let cluster = server.connect().await?;
        let namespaces: Api<Namespace> = Api::all(cluster.client().clone());
        let namespace = serde_json::from_value(json!({ "metadata": { "generateName": "conform-" } }))?;
        let namespace = namespaces.create(&PostParams::default(), &namespace).await?;
        let name = namespace.metadata.name.ok_or_else(|| Failure::new("the namespace got no name"))?;
        Ok(Self { server, cluster, target: Target::new(name, "checkout") })
    }

    /// The same namespace, as another process sees it.
    pub(crate) async fn again(&self) -> Result<Self, Failure> {
        Ok(Self { cluster: self.server.connect().await?, ..self.clone() })
    }

    pub(crate) async fn remove(self) -> Checked {
        let namespaces: Api<Namespace> = Api::all(self.cluster.client().clone());
        namespaces.delete(&self.target.namespace, &DeleteParams::default()).await?;
        Ok(())
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client().clone(), &self.target.namespace)
    }

    pub(crate) async fn create<K>(&self, object: Value) -> Checked
    where
        K: kube::Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned + serde::Serialize + Sync,
        K::DynamicType: Default,
    {
        self.api::<K>().create(&by_hand(), &serde_json::from_value(object)?).await?;
        Ok(())
    }

    /// What a person does by hand.
    pub(crate) async fn edit<K>(&self, name: &str, patch: Patch<Value>) -> Checked
    where
        K: kube::Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        self.api::<K>().patch(name, &params, &patch).await?;
        Ok(())
    }

    /// Lets all pods of a color die at once; others take their places.
    pub(crate) async fn lose_pods(&self, color: Color) -> Checked {
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        self.api::<Pod>().delete_collection(&now, &of_color(color)).await?;
        Ok(())
    }

    /// The pods of a color that are ready.
    pub(crate) async fn ready_pods(&self, color: Color) -> Result<Vec<Endpoint>, Failure> {
        let pods = self.api::<Pod>().list(&of_color(color)).await?;
        Ok(pods.items.iter().filter(|pod| is_ready(pod)).map(endpoint).collect())
    }
}

/// The image that the pods run.
pub(crate) fn image() -> String {
    std::env::var("BLUEGREEN_TEST_PAUSE_IMAGE").unwrap_or_else(|_| "bluegreen.test/pause:1".to_owned())
}

fn by_hand() -> PostParams {
    PostParams { field_manager: Some("kubectl-create".to_owned()), ..PostParams::default() }
}

fn of_color(color: Color) -> ListParams {
    ListParams::default().labels(&format!("app=checkout,color={color}"))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn endpoint(pod: &Pod) -> Endpoint {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Endpoint { id: text(&pod.metadata.uid), name: text(&pod.metadata.name), address: None }
}
