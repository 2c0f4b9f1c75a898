//! Keeping what a rollout tells.

use std::sync::Arc;

use bluegreen_core::{Observer, Update};

use super::shared::Shared;

/// The observer of a [`World`](super::World): keeps every update for [`World::updates`](super::World::updates).
#[derive(Debug, Clone)]
pub struct WorldObserver {
    shared: Arc<Shared>,
}

impl WorldObserver {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Observer for WorldObserver {
    fn notify(&self, update: &Update) {
        self.shared.change(|state| state.updates.push(update.clone()));
    }
}
