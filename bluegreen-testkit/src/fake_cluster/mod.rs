//! An in-memory Kubernetes API.

mod api;
mod defaults;
mod error;
mod fields;
mod kinds;
mod logs;
mod meta;
mod objects;
mod patch;
mod store;
mod time;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use serde_json::json;

use self::api::{Connection, Server, User};

pub use self::api::{AccessRule, ApiFault, ApiRequest};
pub use self::error::ApiError;
pub use self::objects::Objects;

#[doc = include_str!("../../docs/fake_cluster.md")]
#[derive(Debug, Clone)]
pub struct FakeCluster {
    server: Arc<Server>,
}

impl FakeCluster {
    /// A cluster with the namespace `default` and nothing in it. Must be called in a tokio runtime, whose clock it follows,
    /// paused or not.
    #[must_use]
    pub fn new() -> Self {
        let cluster = Self { server: Server::new() };
        cluster.namespace("default");
        cluster
    }

    /// Makes a namespace, unless it is there already.
    pub fn namespace(&self, name: &str) {
        let object = json!({"metadata": {"name": name}});
        // It is refused only if it is there, or if no namespace can have the name: then nothing can be made in it.
        let _ = self.objects("fake-cluster").create("Namespace", "", object);
    }

    /// A client of someone who may do everything, for the namespace `namespace` unless it says otherwise. The namespace is
    /// made, if it isn't there. Must be called in a tokio runtime.
    ///
    /// A request with the header `Impersonate-User` may do what that user may, as with a real server.
    #[must_use]
    pub fn client(&self, namespace: &str) -> Client {
        self.connect(User::Administrator, namespace)
    }

    /// A client of `user`, who may do what `rules` say, and what a Role says that a RoleBinding gives to that name.
    #[must_use]
    pub fn client_as(&self, user: &str, rules: impl IntoIterator<Item = AccessRule>, namespace: &str) -> Client {
        let user = User::Limited { name: user.into(), rules: rules.into_iter().collect() };
        self.connect(user, namespace)
    }

    fn connect(&self, user: User, namespace: &str) -> Client {
        self.namespace(namespace);
        Client::new(Connection { server: Arc::clone(&self.server), user }, namespace)
    }

    /// The objects without a client, written in the name of `manager`, such as `kube-controller-manager`.
    #[must_use]
    pub fn objects(&self, manager: &str) -> Objects {
        Objects::new(Arc::clone(&self.server.store), manager)
    }

    /// Lets something go wrong with the requests to come. Faults are used up in the order in which they were asked for.
    pub fn fail(&self, fault: ApiFault) {
        self.server.faults().add(fault);
    }

    /// Lets every request take that long before it is done.
    pub fn set_latency(&self, latency: Duration) {
        self.server.faults().set_latency(latency);
    }

    /// Lets watches whose path contains `path` show everything that much later, such as those of `/endpointslices`. Each
    /// watch keeps its order, as with a real server; what different watches show comes in another order.
    pub fn delay_watches(&self, path: &str, by: Duration) {
        self.server.faults().delay_watches(path, by);
        self.server.store.wake();
    }

    /// Breaks all watches off. Their clients can begin new ones.
    pub fn cut_watches(&self) {
        self.server.cut_watches();
    }

    /// Forgets what has changed so far, as a server does after some minutes: a watch or a list that goes on from before is
    /// answered with `410 Expired`.
    pub fn forget_history(&self) {
        self.server.store.with(store::State::forget_history);
        self.server.store.wake();
    }

    /// The requests that were sent so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.server.requests().clone()
    }
}

impl Default for FakeCluster {
    fn default() -> Self {
        Self::new()
    }
}
