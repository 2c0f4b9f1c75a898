//! Reading the conditions of an object's status.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use serde::{Deserialize, Serialize};

/// One condition. Read from JSON, because the generated types of some kinds differ between Kubernetes versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) last_transition_time: Option<Timestamp>,
}

impl Condition {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WithConditions {
    conditions: Vec<Condition>,
}

/// The conditions in a status; none where they can't be read.
pub(super) fn conditions(status: &impl Serialize) -> Vec<Condition> {
    let json = serde_json::to_value(status).unwrap_or_default();
    serde_json::from_value::<WithConditions>(json).unwrap_or_default().conditions
}

pub(super) fn find(conditions: Vec<Condition>, kind: &str) -> Option<Condition> {
    conditions.into_iter().find(|condition| condition.kind == kind)
}

pub(super) fn pod_condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}
