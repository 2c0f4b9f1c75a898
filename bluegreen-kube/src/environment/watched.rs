//! What the watches of a color show now, so that a read needs one request instead of four.

use std::sync::{Arc, Mutex, PoisonError};

use bluegreen_core::{Autoscaler, Color, PerColor};
use kube::ResourceExt;

use super::workload::Workload;

/// What running watches show of each color; nothing for a color that isn't watched, or whose watches are broken.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched(Arc<Mutex<PerColor<Option<Shown>>>>);

/// What the watches of one color show.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) workload: Workload,
    pub(super) autoscaler: Option<Autoscaler>,
}

impl Shown {
    /// Whether the Deployment is the very same as one that was just read. Then the rest is as new as the Deployment's own
    /// status, which its controller derives from it.
    pub(super) fn is_of(&self, version: Option<&str>) -> bool {
        let shown = self.workload.deployment.as_ref().and_then(|deployment| deployment.resource_version());
        shown.is_some() && shown.as_deref() == version
    }
}

impl Watched {
    pub(super) fn get(&self, color: Color) -> Option<Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(color).clone()
    }

    fn set(&self, color: Color, shown: Option<Shown>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(color) = shown;
    }

    /// The place for what one watch shows; it is empty again when the watch ends.
    pub(super) fn place(&self, color: Color) -> Place {
        Place { watched: self.clone(), color }
    }
}

/// Where one watch puts what it shows.
#[derive(Debug)]
pub(super) struct Place {
    watched: Watched,
    color: Color,
}

impl Place {
    pub(super) fn show(&self, shown: Option<Shown>) {
        self.watched.set(self.color, shown);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.show(None);
    }
}
