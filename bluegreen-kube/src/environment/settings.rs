//! What a [`DeploymentEnvironment`](super::DeploymentEnvironment) was told.

use std::collections::BTreeMap;

use bluegreen_core::{BackendError, Color, Description, PerColor, Stamp, Target};
use serde_json::{Value, json};

use super::obstacles::ObstacleGraces;

/// The fingerprint of the configuration, in the pod template: another configuration makes other pods.
pub(super) const CONFIGURATION: &str = "bluegreen.rs/configuration";

/// On an autoscaler: the minimum that it had before it was pinned.
pub(super) const ORIGINAL_MIN: &str = "bluegreen.rs/original-min";

/// Where the manifest of a color comes from.
#[derive(Debug, Clone)]
pub(super) enum ManifestSource {
    /// From the caller, the same for both colors. Kept as it was written, so that fields which the caller's version of
    /// the Kubernetes types doesn't know are not lost.
    Given(Value),
    /// From the Deployment of the other color.
    OtherColor,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) target: Target,
    pub(super) manifest: ManifestSource,
    pub(super) label_key: String,
    pub(super) label_values: PerColor<String>,
    pub(super) names: PerColor<String>,
    pub(super) container: Option<String>,
    pub(super) adopt: bool,
    pub(super) graces: ObstacleGraces,
}

impl Settings {
    pub(super) fn new(target: &Target, manifest: ManifestSource) -> Self {
        Self {
            target: target.clone(),
            manifest,
            label_key: "color".to_owned(),
            label_values: PerColor::from_fn(|color| color.to_string()),
            names: PerColor::from_fn(|color| format!("{}-{color}", target.name)),
            container: None,
            adopt: false,
            graces: ObstacleGraces::default(),
        }
    }

    /// The name of a color's Deployment.
    pub(super) fn name(&self, color: Color) -> &str {
        self.names.get(color)
    }

    /// A color's Deployment as people would look for it.
    pub(super) fn object(&self, color: Color) -> String {
        format!("Deployment/{}", self.name(color))
    }

    pub(super) fn label_value(&self, color: Color) -> &str {
        self.label_values.get(color)
    }

    /// Every setting that changes what would be written. The manifest may hold secrets, so it is only told apart.
    pub(super) fn describe(&self) -> Description {
        let manifest = match &self.manifest {
            ManifestSource::Given(manifest) => format!("given {:016x}", fingerprint(&manifest.to_string())),
            ManifestSource::OtherColor => "cloned from the other color".to_owned(),
        };
        let ObstacleGraces { refused, configuration, image_pull, unschedulable, crash_restarts } = self.graces;
        let graces = json!({
            "refused": refused.as_secs_f64(),
            "configuration": configuration.as_secs_f64(),
            "image_pull": image_pull.as_secs_f64(),
            "unschedulable": unschedulable.as_secs_f64(),
            "crash_restarts": crash_restarts,
        });
        Description::new("DeploymentEnvironment")
            .with("namespace", self.target.namespace.as_str())
            .with("names", json!(self.names))
            .with("label", json!({ self.label_key.as_str(): self.label_values }))
            .with("container", json!(self.container))
            .with("manifest", manifest)
            .with("adopt_existing", self.adopt)
            .with("obstacle_graces", graces)
    }

    pub(super) fn unusable(&self, color: Color, message: impl Into<String>) -> BackendError {
        BackendError::Unusable { object: self.object(color), message: message.into() }
    }
}

/// A stamp or its absence, for messages.
pub(super) fn stamp_text(stamp: Option<&Stamp>) -> String {
    stamp.map_or_else(|| "no stamp".to_owned(), |stamp| format!("stamp {stamp}"))
}

/// Labels as a selector that the API understands, in a fixed order.
pub(super) fn selector_text(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// FNV-1a: the same in every build, unlike the hashes of the standard library.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
