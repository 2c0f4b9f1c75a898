//! What makes objects do something: Deployments make ReplicaSets, those make Pods, Pods start and fail, and EndpointSlices
//! follow them; Jobs, autoscalers and quotas too.
//!
//! Each controller looks at all objects and writes what is missing, as the real ones do. They run in one task: woken by a
//! change of any object, or when something is due, such as a Pod that gets ready. Nothing polls, so hours of a paused clock
//! pass at once.
//!
//! They are small on purpose. What they leave out: the proportional scaling of a Deployment in the middle of a rollout, Jobs
//! with indexes or pod failure policies, metrics, scheduling (there is one node, with room for everything), probes (what
//! Pods do is told by their behavior), events, Endpoints, and more than one slice for more than 100 endpoints. A quota
//! counts Pods, and is asked by ReplicaSets only.

mod autoscaler;
mod behaviors;
mod conditions;
mod deployment;
mod deployment_status;
mod endpoint_slices;
mod job;
mod life;
mod node;
mod owned;
mod quota;
mod replica_set;
mod rollout;
mod round;
mod template;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::objects::{Objects, Store};

use self::behaviors::Behaviors;
use self::node::Node;
use self::round::Round;

/// In whose name controllers write.
const MANAGER: &str = "kube-controller-manager";

/// The controllers of a cluster, if it has any. They stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Controllers {
    task: Option<JoinHandle<()>>,
    pub(crate) behaviors: Arc<Behaviors>,
}

impl Controllers {
    /// None: objects stay as they are written.
    pub(crate) fn none(store: &Arc<Store>) -> Self {
        Self { task: None, behaviors: Arc::new(Behaviors::new(Arc::clone(store))) }
    }

    /// Starts them. Must be called in a tokio runtime.
    pub(crate) fn start(store: &Arc<Store>) -> Self {
        let mut controllers = Self::none(store);
        controllers.task = Some(tokio::spawn(run(Arc::clone(store), Arc::clone(&controllers.behaviors))));
        controllers
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn run(store: Arc<Store>, behaviors: Arc<Behaviors>) {
    let objects = Objects::new(Arc::clone(&store), MANAGER);
    let mut changes = objects.subscribe();
    let mut node = Node::new(Objects::new(store, "kubelet"));
    loop {
        changes.mark_unchanged();
        let mut round = Round::new(objects.clone());
        node.run(&mut round, &behaviors);
        endpoint_slices::run(&round);
        quota::run(&round);
        job::run(&mut round);
        autoscaler::run(&round);
        deployment::run(&mut round);
        replica_set::run(&mut round);
        let due = round.due();
        tokio::select! {
            // The sender lives as long as the store, which this task holds.
            _ = changes.changed() => {}
            () = round::sleep(due) => {}
        }
    }
}
