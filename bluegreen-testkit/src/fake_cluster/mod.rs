//! An in-memory Kubernetes API.
//!
//! For controllers, [`FakeCluster::objects`] gives the objects without a client: `get`, `list`, `create`, `update`,
//! `update_status`, `delete`, `remove` and `subscribe`, all of them at once and under the same rules.

mod controllers;
mod defaults;
mod error;
mod fields;
mod kinds;
mod logs;
mod meta;
mod objects;
mod store;
mod time;
mod validate;

use std::sync::Arc;

use crate::world::Behavior;

use self::controllers::Controllers;
use self::objects::Store;

pub use self::error::ApiError;
pub use self::objects::Objects;

/// An in-memory Kubernetes API.
#[derive(Debug, Clone)]
pub struct FakeCluster {
    store: Arc<Store>,
    controllers: Arc<Controllers>,
}

impl FakeCluster {
    /// A cluster with nothing in it. Must be called in a tokio runtime, whose clock it follows.
    #[must_use]
    pub fn new() -> Self {
        let store = Store::new();
        let controllers = Arc::new(Controllers::start(&store));
        Self { store, controllers }
    }

    /// Lets Pods that have a container of `image` behave so from now on. Without a word about them, Pods are healthy.
    ///
    /// Jobs' Pods, and all others that are not restarted, end well as soon as they have started, unless their behavior is
    /// another: one that crashes ends badly, one that never gets ready goes on for ever.
    pub fn pods(&self, image: &str, behavior: Behavior) {
        self.controllers.behaviors.set_for_image(image, behavior);
    }

    /// As [`pods`](Self::pods), for those with all of these labels, as in `app=checkout,color=green`. What was asked for
    /// last counts.
    pub fn pods_labeled(&self, labels: &str, behavior: Behavior) {
        self.controllers.behaviors.set_for_labels(labels, behavior);
    }

    /// The objects without a client, written in the name of `manager`, such as `kube-controller-manager`.
    #[must_use]
    pub fn objects(&self, manager: &str) -> Objects {
        Objects::new(Arc::clone(&self.store), manager)
    }
}

impl Default for FakeCluster {
    fn default() -> Self {
        Self::new()
    }
}
