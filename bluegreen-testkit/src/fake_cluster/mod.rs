//! An in-memory Kubernetes API.

mod api;
mod controllers;
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

use crate::world::{Behavior, WorldClock};

use self::api::{Connection, Server, User};
use self::controllers::Controllers;
use self::objects::Store;

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
        Self::with(Controllers::start)
    }

    /// As [`new`](Self::new), but without controllers: a Deployment stays without Pods until the test makes them.
    #[must_use]
    pub fn api_only() -> Self {
        Self::with(Controllers::none)
    }

    fn with(controllers: fn(&Arc<Store>) -> Controllers) -> Self {
        let cluster = Self { server: Server::new(controllers) };
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

    /// Lets Pods that have a container of `image` behave so from now on. Without a word about them, Pods are healthy.
    ///
    /// Jobs' Pods, and all others that are not restarted, end well as soon as they have started, unless their behavior is
    /// another: one that crashes ends badly, one that never gets ready goes on for ever. Bad answers
    /// ([`Behavior::failing`]) mean nothing here, since nobody sends requests.
    pub fn pods(&self, image: &str, behavior: Behavior) {
        self.server.controllers.behaviors.set_for_image(image, behavior);
    }

    /// As [`pods`](Self::pods), for those with all of these labels, as in `app=checkout,color=green`. What was asked for
    /// last counts.
    pub fn pods_labeled(&self, labels: &str, behavior: Behavior) {
        self.server.controllers.behaviors.set_for_labels(labels, behavior);
    }

    /// The time in the cluster, for the rollouts in it: what is said of a Pod's time is compared with theirs.
    #[must_use]
    pub fn clock(&self) -> WorldClock {
        WorldClock::new(self.server.store.started())
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
