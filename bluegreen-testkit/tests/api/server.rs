//! The servers that the suite runs against.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bluegreen_testkit::FakeCluster;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::cases::Case;
use crate::place::Place;

/// Names the cluster that may be used for tests; never the plain `KUBECONFIG`.
const KUBECONFIG: &str = "BLUEGREEN_TEST_KUBECONFIG";

/// How long one case may take.
const DEADLINE: Duration = Duration::from_secs(180);

/// One of the servers.
#[derive(Clone)]
pub(crate) enum Server {
    /// One that is made for each case; until then there is none.
    Fake(Option<FakeCluster>),
    /// The one behind this kubeconfig.
    Real(Box<Kubeconfig>),
}

impl Server {
    pub(crate) fn all() -> Vec<Self> {
        let mut servers = vec![Self::Fake(None)];
        match std::env::var_os(KUBECONFIG) {
            Some(path) => servers.push(Self::Real(Box::new(Kubeconfig::read_from(path).unwrap()))),
            None => eprintln!("SKIPPED real::*: {KUBECONFIG} names no cluster to test on"),
        }
        servers
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Fake(_) => "fake",
            Self::Real(_) => "real",
        }
    }

    /// Runs a case in a namespace of its own, and removes that whatever comes of the case.
    pub(crate) fn run(&self, case: Case) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(matches!(self, Self::Fake(_))).build().unwrap();
        let result = runtime.block_on(async {
            let server = match self {
                Self::Fake(_) => Self::Fake(Some(FakeCluster::new())),
                Self::Real(kubeconfig) => Self::Real(kubeconfig.clone()),
            };
            server.run_case(case).await
        });
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    }

    async fn run_case(&self, case: Case) -> Result<(), Box<dyn Any + Send>> {
        let name = self.namespace();
        let place = Place::new(self.clone(), self.client(None).await, name.clone());
        place.create("/namespaces", &json!({"metadata": {"name": name}})).await.ok();
        let in_place = place.clone();
        let result = tokio::spawn(async move {
            tokio::time::timeout(DEADLINE, (case.run)(&in_place)).await.expect("the case takes too long");
        });
        let result = result.await;
        place.delete(&format!("/namespaces/{name}")).await.ok();
        result.map_err(tokio::task::JoinError::into_panic)
    }

    fn namespace(&self) -> String {
        static CASES: AtomicU32 = AtomicU32::new(0);
        match self {
            Self::Fake(_) => "shop".to_owned(),
            Self::Real(_) => format!("api-{}-{}", std::process::id(), CASES.fetch_add(1, Ordering::Relaxed)),
        }
    }

    async fn client(&self, user: Option<&str>) -> Client {
        match self {
            Self::Fake(_) => match user {
                Some(user) => self.fake().unwrap().client_as(user, [], "default"),
                None => self.fake().unwrap().client("default"),
            },
            Self::Real(kubeconfig) => {
                // It only fails where another thread was faster, and then there is one.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let options = KubeConfigOptions::default();
                let mut config = Config::from_custom_kubeconfig(Kubeconfig::clone(kubeconfig), &options).await.unwrap();
                config.default_retry = false;
                config.auth_info.impersonate = user.map(ToOwned::to_owned);
                Client::try_from(config).unwrap()
            }
        }
    }

    /// A client for a user who may do what `rules` allow in the namespace of `place`.
    pub(crate) async fn client_as(&self, place: &Place, user: &str, rules: &Value) -> Client {
        place.create("roles", &json!({"metadata": {"name": user}, "rules": rules})).await.ok();
        let binding = json!({
            "metadata": {"name": user},
            "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": "Role", "name": user, "apiGroup": "rbac.authorization.k8s.io"},
        });
        place.create("rolebindings", &binding).await.ok();
        let client = self.client(Some(user)).await;
        place.through(client.clone()).until_allowed(&rules[0]).await;
        client
    }

    /// A resourceVersion that the server has long forgotten.
    pub(crate) fn expired_version(&self) -> &'static str {
        if let Some(fake) = self.fake() {
            fake.forget_history();
        }
        "1"
    }

    /// The fake cluster, if it is one: for what the manifests of a case bring about on a real one.
    pub(crate) const fn fake(&self) -> Option<&FakeCluster> {
        match self {
            Self::Fake(fake) => fake.as_ref(),
            Self::Real(_) => None,
        }
    }
}
