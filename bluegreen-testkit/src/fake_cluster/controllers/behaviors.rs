//! Which Pods behave how.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::super::meta;
use super::super::objects::Store;
use crate::world::Behavior;

/// The Pods that a behavior is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pods {
    /// With a container of this image.
    Image(String),
    /// With all these labels.
    Labels(Vec<(String, String)>),
}

/// The behaviors that were asked for. Without one, Pods are healthy.
#[derive(Debug)]
pub(crate) struct Behaviors {
    store: Arc<Store>,
    rules: Mutex<Vec<(Pods, Behavior)>>,
}

impl Behaviors {
    pub(super) const fn new(store: Arc<Store>) -> Self {
        Self { store, rules: Mutex::new(Vec::new()) }
    }

    /// Lets Pods with a container of this image behave so.
    pub(crate) fn set_for_image(&self, image: &str, behavior: Behavior) {
        self.set(Pods::Image(image.to_owned()), behavior);
    }

    /// Lets Pods with these labels, as in `app=checkout,color=green`, behave so.
    pub(crate) fn set_for_labels(&self, labels: &str, behavior: Behavior) {
        let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        self.set(Pods::Labels(pairs), behavior);
    }

    fn set(&self, pods: Pods, behavior: Behavior) {
        {
            let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
            rules.retain(|(other, _)| *other != pods);
            rules.push((pods, behavior));
        }
        self.store.wake();
    }

    /// How a Pod behaves: as the last rule says that is for it.
    pub(super) fn of(&self, pod: &Value) -> Behavior {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter().rev().find(|(pods, _)| pods.include(pod));
        rule.map_or_else(Behavior::healthy, |(_, behavior)| *behavior)
    }
}

impl Pods {
    fn include(&self, pod: &Value) -> bool {
        match self {
            Self::Image(image) => {
                meta::list(pod, "/spec/containers").iter().any(|container| container["image"] == image.as_str())
            }
            Self::Labels(labels) => {
                let of_pod = &pod["metadata"]["labels"];
                labels.iter().all(|(name, value)| of_pod[name.as_str()] == value.as_str())
            }
        }
    }
}
