//! An in-memory Kubernetes API.
//!
//! For controllers, [`FakeCluster::objects`] gives the objects without a client: `get`, `list`, `create`, `update`,
//! `update_status`, `delete`, `remove` and `subscribe`, all of them at once and under the same rules.

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

use self::objects::Store;

pub use self::error::ApiError;
pub use self::objects::Objects;

/// An in-memory Kubernetes API.
#[derive(Debug, Clone)]
pub struct FakeCluster {
    store: Arc<Store>,
}

impl FakeCluster {
    /// A cluster with nothing in it. Must be called in a tokio runtime, whose clock it follows.
    #[must_use]
    pub fn new() -> Self {
        Self { store: Store::new() }
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
