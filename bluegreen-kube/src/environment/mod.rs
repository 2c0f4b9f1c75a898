//! Two Deployments that differ by a label.

mod autoscaler;
mod conditions;
mod containers;
mod diagnose;
#[cfg(test)]
mod fixtures;
mod manifest;
mod observation;
mod obstacles;
mod ownership;
mod preflight;
mod read;
mod settings;
mod snapshot;
mod watch;
mod watched;
mod workload;
mod write;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Description, Diagnosis, Environment, EnvironmentCapabilities,
    PerColor, Preflight, Scale, Seal, Snapshot, Target,
};
use futures_util::stream::BoxStream;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::Value;

pub use self::manifest::ManifestError;
pub use self::obstacles::ObstacleGraces;
use self::preflight::DeploymentPreflight;
use self::settings::{ManifestSource, Settings};
use self::watched::Watched;
use crate::client::Cluster;

/// An [`Environment`] of two Deployments, one for each color, that differ by a label.
///
/// Both are made from one manifest. It is written as it is, except for
///
/// - the name: `<target>-blue` and `<target>-green` unless [`names`](Self::names) says otherwise; and the namespace,
/// - the color's [`label`](Self::label), on the Deployment, in its selector and on its pods,
/// - the image of one [`container`](Self::container): the release's artifact,
/// - `spec.replicas`,
/// - annotations of this library: stamp and release on the Deployment, and on its pods the fingerprint of the release's
///   configuration, if it has one, so that another configuration makes other pods.
///
/// Every change is one write: a Deployment is created with all of this in it, replaced as a whole under the
/// resourceVersion that was read, or patched under its stamp. Nothing else in the cluster is changed, but for the
/// minimum of an autoscaler while it is pinned.
///
/// Deployments that others made are read and sealed, and scaled once they are sealed. Deploying to one of them takes
/// [`adopt_existing`](Self::adopt_existing).
///
/// Cheap to clone. Reads need `get`, `list` and `watch` on deployments, replicasets and pods, and `list` on
/// horizontalpodautoscalers (without it there are none); writes need `create`, `update` and `patch` on deployments.
///
/// ```no_run
/// # use bluegreen_core::Target;
/// # use bluegreen_kube::{Cluster, DeploymentEnvironment, ManifestError};
/// # fn example(cluster: &Cluster) -> Result<(), ManifestError> {
/// let target = Target::new("shop", "checkout");
/// let environment = DeploymentEnvironment::from_yaml(cluster, &target, "
/// apiVersion: apps/v1
/// kind: Deployment
/// metadata: {labels: {app: checkout}}
/// spec:
///   selector: {matchLabels: {app: checkout}}
///   template:
///     metadata: {labels: {app: checkout}}
///     spec:
///       containers: [{name: app, image: 'registry.example/checkout'}]
/// ")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DeploymentEnvironment {
    cluster: Cluster,
    settings: Arc<Settings>,
    /// The label selector of each color as it was last seen, so that a Deployment and its pods can be read at once. Only
    /// a guess: what is read with another selector than the Deployment's own is read again.
    selectors: Arc<Mutex<PerColor<Option<String>>>>,
    /// What running watches show.
    watched: Watched,
}

impl DeploymentEnvironment {
    /// Both colors are made from `manifest`. Sends nothing.
    ///
    /// # Errors
    ///
    /// The manifest is for another namespace than the target's, or has no containers.
    pub fn new(cluster: &Cluster, target: &Target, manifest: Deployment) -> Result<Self, ManifestError> {
        let manifest = serde_json::to_value(manifest).map_err(ManifestError::Json)?;
        Self::from_value(cluster, target, manifest)
    }

    /// As [`new`](Self::new), from YAML. Fields that this library doesn't know are sent as they are.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), or the text is not the YAML of one Deployment.
    pub fn from_yaml(cluster: &Cluster, target: &Target, yaml: &str) -> Result<Self, ManifestError> {
        Self::from_value(cluster, target, manifest::parse_yaml(yaml)?)
    }

    /// Each color is made from the Deployment of the other one, as it is at that moment: only an image is given. Where
    /// the other one doesn't exist, the color's own is used again. Sends nothing.
    ///
    /// What names the color elsewhere than in the label of [`label`](Self::label), as an affinity might, is copied as it
    /// is.
    #[must_use]
    pub fn cloning_active(cluster: &Cluster, target: &Target) -> Self {
        Self::with_source(cluster, target, ManifestSource::OtherColor)
    }

    fn from_value(cluster: &Cluster, target: &Target, manifest: Value) -> Result<Self, ManifestError> {
        manifest::check(&manifest, &target.namespace)?;
        Ok(Self::with_source(cluster, target, ManifestSource::Given(manifest)))
    }

    fn with_source(cluster: &Cluster, target: &Target, source: ManifestSource) -> Self {
        Self {
            cluster: cluster.clone(),
            settings: Arc::new(Settings::new(target, source)),
            selectors: Arc::default(),
            watched: Watched::default(),
        }
    }

    /// The label that tells the colors apart; `color: blue` and `color: green` unless set. The route has to select by it.
    #[must_use]
    pub fn label(self, key: impl Into<String>, values: PerColor<String>) -> Self {
        self.set(|settings| {
            settings.label_key = key.into();
            settings.label_values = values;
        })
    }

    /// The names of the two Deployments; `<target>-blue` and `<target>-green` unless set.
    #[must_use]
    pub fn names(self, names: PerColor<String>) -> Self {
        self.set(|settings| settings.names = names)
    }

    /// The container that gets the release's image; the only one, or the one that is called as the target, unless set.
    #[must_use]
    pub fn container(self, name: impl Into<String>) -> Self {
        self.set(|settings| settings.container = Some(name.into()))
    }

    /// Allows to deploy to Deployments that others made, or that others have changed since. What a deployment replaces is
    /// gone then, and the former managers of the spec's fields no longer own them; a tool that goes on to apply its own
    /// manifest has to be told to stop.
    #[must_use]
    pub fn adopt_existing(self) -> Self {
        self.set(|settings| settings.adopt = true)
    }

    /// How long obstacles may last before a color counts as never becoming ready.
    #[must_use]
    pub fn obstacle_graces(self, graces: ObstacleGraces) -> Self {
        self.set(|settings| settings.graces = graces)
    }

    /// A changed copy, which has to find the selectors anew.
    fn set(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Arc::unwrap_or_clone(self.settings);
        change(&mut settings);
        Self {
            cluster: self.cluster,
            settings: Arc::new(settings),
            selectors: Arc::default(),
            watched: Watched::default(),
        }
    }
}

#[async_trait]
impl Environment for DeploymentEnvironment {
    fn describe(&self) -> Description {
        self.settings.describe()
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        vec![Arc::new(DeploymentPreflight::new(self.clone()))]
    }

    fn capabilities(&self) -> EnvironmentCapabilities {
        EnvironmentCapabilities::none().with_snapshot(true).with_autoscaler(true)
    }

    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        self.read_color(color).await
    }

    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        watch::watch(self.clone(), color)
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        self.write_deployment(deploy).await
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        self.write_scale(scale).await
    }

    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        self.write_seal(seal).await
    }

    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        self.write_pin(color, minimum).await
    }

    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        self.read_snapshot(color).await
    }

    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        self.write_snapshot(snapshot).await
    }

    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        self.find_causes(color).await
    }
}
