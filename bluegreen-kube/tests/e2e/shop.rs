//! A namespace with a shop in it: a Service, and a blue Deployment made by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::plan::{RollBackSpec, Watch};
use bluegreen_core::{Color, Entropy, FileJournal, Outcome, PerColor, Rollout, RolloutBuilder, System, Target};
use bluegreen_kube::{Cluster, DeploymentEnvironment, ServiceRouter};
use futures_util::FutureExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::RwLock;

use crate::app::{App, PORT, from};
use crate::ask::{ask, version_at};
use crate::load::{Load, LoadReport, RunningLoad};
use crate::tap::tapped;
use crate::trace::Trace;

pub(crate) const KUBECONFIG: &str = "BLUEGREEN_TEST_KUBECONFIG";
pub(crate) const IMAGE: &str = "BLUEGREEN_TEST_IMAGE";

/// What a real plan needs on a cluster like this: kube-proxy may gather changes for a second before it acts on them.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// Cases read, unless they need the cluster for themselves.
static TURN: RwLock<()> = RwLock::const_new(());

/// What a case needs beside a cluster and an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// That no other case runs.
    Quiet,
}

/// The fixture of a case.
pub(crate) struct Shop {
    /// Its writes are in the trace.
    pub(crate) cluster: Cluster,
    pub(crate) target: Target,
    pub(crate) trace: Trace,
    image: String,
    folder: TempDir,
}

/// Runs a case in a namespace of its own, within `patience`, and removes the namespace whatever comes of it. Says so and
/// returns if there is no cluster to test on.
pub(crate) async fn in_a_shop<F>(case: &str, needs: Needs, patience: Duration, test: impl FnOnce(Arc<Shop>) -> F)
where
    F: Future<Output = ()>,
{
    let Some(shop) = Shop::connect(case).await else { return };
    let (mut beside, mut alone) = (None, None);
    match needs {
        Needs::Nothing => beside = Some(TURN.read().await),
        Needs::Quiet => alone = Some(TURN.write().await),
    }
    let shop = Arc::new(shop);
    let namespaces: Api<Namespace> = Api::all(shop.cluster.client().clone());
    let name = shop.target.namespace.clone();
    namespaces.create(&PostParams::default(), &from(json!({"metadata": {"name": name}}))).await.unwrap();
    let outcome = AssertUnwindSafe(tokio::time::timeout(patience, test(Arc::clone(&shop)))).catch_unwind().await;
    if !matches!(outcome, Ok(Ok(()))) {
        eprintln!("{case} failed; what is there:\n{:#?}", shop.facts().await);
    }
    namespaces.delete(&name, &DeleteParams::default()).await.unwrap();
    drop((beside.take(), alone.take()));
    match outcome {
        Ok(done) => done.unwrap_or_else(|_| panic!("{case} took longer than {patience:?}")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A variable without which a case can't run; says so.
pub(crate) fn variable(case: &str, name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        // Past the capture of the test harness: a skipped case must not look like a passed one.
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED: e2e {case}: {name} is not set");
    }
    value
}

impl Shop {
    async fn connect(case: &str) -> Option<Self> {
        let suffix = System.next() as u32;
        Self::attach(case, &format!("e2e-{case}-{suffix:08x}")).await
    }

    /// A shop that is there already.
    pub(crate) async fn attach(case: &str, namespace: &str) -> Option<Self> {
        let kubeconfig = variable(case, KUBECONFIG)?;
        let image = variable(case, IMAGE)?;
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let trace = Trace::default();
        let seen = trace.clone();
        let cluster = tapped(&Cluster::from_config(config).unwrap(), move |write| seen.sent(write));
        Some(Self {
            cluster,
            target: Target::new(namespace, "checkout"),
            trace,
            image,
            folder: TempDir::new().unwrap(),
        })
    }

    // ---- the fixture ----------------------------------------------------------------------------------------------

    /// A Service that names blue, and `replicas` of `app` in blue, made by hand and ready.
    pub(crate) async fn open(&self, app: &App, replicas: u32) {
        self.make_service().await;
        self.make_by_hand(Color::Blue, app, replicas).await;
        self.until_ready(Color::Blue, replicas as usize).await;
        self.until_served_by(&app.version()).await;
        self.trace.clear();
    }

    /// The Service as its manifest has it, applied by whoever keeps the manifests.
    pub(crate) async fn make_service(&self) {
        self.apply_service(Some(Color::Blue)).await;
    }

    /// Applies the Service's own manifest, by force as GitOps tools do; with the key that names a color, or without.
    pub(crate) async fn apply_service(&self, color: Option<Color>) {
        let mut manifest = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"},
            "spec": {"selector": {"app": "checkout"}, "ports": [{"name": "http", "port": 80, "targetPort": PORT}]},
        });
        if let Some(color) = color {
            manifest["spec"]["selector"]["color"] = json!(color);
        }
        let params = PatchParams::apply("shop-manifests").force();
        self.api::<Service>().patch("checkout", &params, &Patch::Apply(manifest)).await.unwrap();
    }

    /// Changes the Service as a person with kubectl does.
    pub(crate) async fn edit_selector(&self, selector: Value) {
        let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"selector": selector}}));
        self.api::<Service>().patch("checkout", &params, &patch).await.unwrap();
    }

    pub(crate) async fn make_by_hand(&self, color: Color, app: &App, replicas: u32) {
        let params = PostParams { field_manager: Some("kubectl-create".to_owned()), ..PostParams::default() };
        self.api().create(&params, &app.hand_made(color, replicas, &self.image)).await.unwrap();
    }

    // ---- rollouts -------------------------------------------------------------------------------------------------

    /// A rollout of `app` with short times, a journal of this shop, and its records in the trace.
    pub(crate) fn rollout(&self, app: &App) -> RolloutBuilder {
        self.rollout_with(self.environment(app), self.router(), self.journal("journals"))
    }

    pub(crate) fn rollout_with(
        &self,
        environment: impl bluegreen_core::Environment,
        router: impl bluegreen_core::TrafficRouter,
        journal: impl bluegreen_core::Journal,
    ) -> RolloutBuilder {
        Rollout::builder(&self.target)
            .environment(environment)
            .router(router)
            .journal(journal)
            .ready_within(Duration::from_secs(60))
            .converge_within(Duration::from_secs(30))
            .settle(SETTLE)
            .watch(Watch::lasting(Duration::from_secs(3)).interval(Duration::from_millis(500)))
            .drain(Duration::from_secs(3))
            .roll_back(RollBackSpec { deadline: Duration::from_secs(60), ..RollBackSpec::default() })
            .observer(self.trace.clone())
    }

    pub(crate) fn environment(&self, app: &App) -> DeploymentEnvironment {
        self.environment_on(&self.cluster, app)
    }

    pub(crate) fn environment_on(&self, cluster: &Cluster, app: &App) -> DeploymentEnvironment {
        DeploymentEnvironment::new(cluster, &self.target, app.manifest()).unwrap().adopt_existing()
    }

    pub(crate) fn router(&self) -> ServiceRouter {
        ServiceRouter::new(&self.cluster, &self.target)
    }

    pub(crate) fn release(&self, app: &App) -> bluegreen_core::Release {
        app.release(&self.image)
    }

    /// A folder of journals; programs that know nothing of each other use different ones.
    pub(crate) fn journal(&self, name: &str) -> FileJournal {
        FileJournal::open(self.journal_folder(name)).unwrap()
    }

    pub(crate) fn journal_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a plain rollout of `app` to its end.
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        self.finish(self.rollout(app), app).await
    }

    /// Runs a rollout to its end.
    pub(crate) async fn finish(&self, rollout: RolloutBuilder, app: &App) -> Outcome {
        rollout.build().unwrap().run(self.release(app)).await.unwrap()
    }

    // ---- what is there --------------------------------------------------------------------------------------------

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client().clone(), &self.target.namespace)
    }

    pub(crate) async fn facts(&self) -> Facts {
        let service = self.api::<Service>().get_opt("checkout").await.unwrap();
        let deployment = async |color: Color| {
            let found = self.api::<Deployment>().get_opt(&format!("checkout-{color}")).await.unwrap();
            found.map(|found| DeploymentFacts::new(&found))
        };
        Facts {
            selector: service.as_ref().and_then(|service| service.spec.clone()?.selector).unwrap_or_default(),
            mark: service.and_then(|service| service.metadata.annotations?.remove("bluegreen.rs/stamp")),
            colors: PerColor { blue: deployment(Color::Blue).await, green: deployment(Color::Green).await },
        }
    }

    /// Where users reach the shop.
    pub(crate) async fn address(&self) -> SocketAddr {
        let service = self.api::<Service>().get("checkout").await.unwrap();
        let address = service.spec.unwrap().cluster_ip.unwrap();
        SocketAddr::new(address.parse().unwrap(), 80)
    }

    pub(crate) async fn pods(&self, color: Color) -> Vec<Pod> {
        self.api::<Pod>().list(&ListParams::default().labels(&format!("color={color}"))).await.unwrap().items
    }

    /// Gives an order, as in `fail`, to all pods of a color.
    pub(crate) async fn tell(&self, color: Color, mode: &str) {
        for pod in self.pods(color).await {
            let Some(address) = pod.status.and_then(|status| status.pod_ip) else { continue };
            let answer =
                ask(SocketAddr::new(address.parse().unwrap(), PORT), "POST", &format!("/mode?set={mode}")).await;
            eprintln!("told {color} to {mode}: {}", answer.lines().next().unwrap_or("no answer"));
        }
    }

    /// Waits until exactly `count` pods of a color are ready.
    pub(crate) async fn until_ready(&self, color: Color, count: usize) {
        until(&format!("{count} ready pods of {color}"), async || {
            let pods = self.pods(color).await;
            pods.iter().filter(|pod| is_ready(pod)).count() == count
        })
        .await;
    }

    pub(crate) async fn until_served_by(&self, version: &str) {
        let address = self.address().await;
        until(&format!("an answer by {version}"), async || version_at(address).await.as_deref() == Some(version)).await;
    }

    /// Twenty new connections are all answered by `app`, which is in `color`. To be asked after [`SETTLE`].
    pub(crate) async fn assert_served_by(&self, app: &App, color: Color) {
        let address = self.address().await;
        for _ in 0..20 {
            assert_eq!(version_at(address).await.as_deref(), Some(app.version().as_str()));
        }
        assert_eq!(self.facts().await.active(), Some(color));
    }

    /// Users: this many requests per second, each over a new connection.
    pub(crate) async fn users(&self, rate: u32) -> RunningLoad {
        Load::new_connections(self.address().await, rate).start().unwrap()
    }
}

/// What is there, as far as rollouts change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) selector: BTreeMap<String, String>,
    pub(crate) mark: Option<String>,
    pub(crate) colors: PerColor<Option<DeploymentFacts>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeploymentFacts {
    pub(crate) uid: String,
    /// As text, to compare it. The generation won't do: a Deployment's changes with its annotations, so with a seal, too.
    pub(crate) spec: String,
    pub(crate) replicas: i32,
    pub(crate) stamp: Option<String>,
}

impl DeploymentFacts {
    fn new(deployment: &Deployment) -> Self {
        let metadata = &deployment.metadata;
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            spec: serde_json::to_string(&deployment.spec).unwrap(),
            replicas: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            stamp: metadata.annotations.as_ref().and_then(|all| all.get("bluegreen.rs/stamp").cloned()),
        }
    }
}

impl Facts {
    /// The color that the Service names.
    pub(crate) fn active(&self) -> Option<Color> {
        self.selector.get("color")?.parse().ok()
    }

    /// How many replicas each color asks for.
    pub(crate) fn replicas(&self) -> [i32; 2] {
        Color::ALL.map(|color| self.colors.get(color).as_ref().map_or(0, |found| found.replicas))
    }

    /// Which specs are there. Equal before and after something that touched none.
    pub(crate) fn specs(&self) -> [Option<(String, String)>; 2] {
        Color::ALL.map(|color| self.colors.get(color).as_ref().map(|found| (found.uid.clone(), found.spec.clone())))
    }
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().any(|condition| {
        let condition = json!(condition);
        condition["type"] == "Ready" && condition["status"] == "True"
    });
    ready && pod.metadata.deletion_timestamp.is_none()
}

/// Asks again and again until it is so.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| panic!("{what}: not within {patience:?}"));
}

/// Nobody lost a request. What the loader itself could not do says nothing about that, unless it is much.
#[track_caller]
pub(crate) fn assert_no_loss(report: &LoadReport) {
    assert_eq!(report.failed(), 0, "{report:#?}");
    assert!(report.answered > 0 && report.own_errors * 20 <= report.sent, "too little was tried: {report:#?}");
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
