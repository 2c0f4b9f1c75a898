//! Reading a color from the API server.

use std::fmt::Debug;
use std::sync::{Arc, PoisonError};

use bluegreen_core::{Autoscaler, BackendError, Color, ColorObservation};
use futures_util::future::OptionFuture;
use futures_util::{join, try_join};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::DeploymentEnvironment;
use super::manifest::match_labels;
use super::observation::observe_from;
use super::settings::{ManifestSource, selector_text};
use super::workload::Workload;

/// What may belong to a Deployment.
type Children = (Vec<Arc<ReplicaSet>>, Vec<Arc<Pod>>);

impl DeploymentEnvironment {
    /// The Deployment is always read; the rest only if the watches don't show it for this very version.
    pub(super) async fn read_color(&self, color: Color) -> Result<ColorObservation, BackendError> {
        if let Some(shown) = self.watched.get(color) {
            let read = self.read_deployment(color).await?;
            let version = read.as_ref().and_then(|deployment| deployment.metadata.resource_version.as_deref());
            if shown.is_of(version) {
                return Ok(observe_from(&self.settings, color, &shown.workload, shown.autoscaler));
            }
        }
        let (workload, autoscaler) = try_join!(self.read_workload(color), self.read_autoscaler(color))?;
        Ok(observe_from(&self.settings, color, &workload, autoscaler))
    }

    /// What a write left, from its reply. The write has happened: if the rest can't be read, all that can be said is that
    /// the caller has to read again.
    pub(super) async fn after_write(
        &self,
        action: &str,
        color: Color,
        written: Deployment,
    ) -> Result<ColorObservation, BackendError> {
        let selector = selector_of(&written);
        let rest = try_join!(self.read_children(color, &selector), self.read_autoscaler(color));
        self.remember_selector(color, selector);
        let ((replica_sets, pods), autoscaler) = rest.map_err(|error| BackendError::Unknown {
            action: action.to_owned(),
            object: self.settings.object(color),
            source: Box::new(error),
        })?;
        let workload = Workload { deployment: Some(Arc::new(written)), replica_sets, pods };
        Ok(observe_from(&self.settings, color, &workload, autoscaler))
    }

    /// The Deployment, its ReplicaSets and its pods, all at once if its selector is known.
    pub(super) async fn read_workload(&self, color: Color) -> Result<Workload, BackendError> {
        let guess = self.guess_selector(color);
        let children = OptionFuture::from(guess.as_deref().map(|selector| self.read_children(color, selector)));
        let (deployment, children) = join!(self.read_deployment(color), children);
        let Some(deployment) = deployment? else {
            return Ok(Workload::default());
        };
        let selector = selector_of(&deployment);
        let (replica_sets, pods) = match children {
            Some(children) if guess.as_ref() == Some(&selector) => children?,
            _ => self.read_children(color, &selector).await?,
        };
        self.remember_selector(color, selector);
        Ok(Workload { deployment: Some(Arc::new(deployment)), replica_sets, pods })
    }

    pub(super) async fn read_deployment(&self, color: Color) -> Result<Option<Deployment>, BackendError> {
        let api = self.cluster.api::<Deployment>(&self.settings.target.namespace);
        self.cluster.read("read", &self.settings.object(color), api.get_opt(self.settings.name(color))).await
    }

    async fn read_children(&self, color: Color, selector: &str) -> Result<Children, BackendError> {
        try_join!(self.list::<ReplicaSet>(color, "ReplicaSets", selector), self.list::<Pod>(color, "Pods", selector))
    }

    async fn list<K>(&self, color: Color, what: &str, selector: &str) -> Result<Vec<Arc<K>>, BackendError>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api = self.cluster.api::<K>(&self.settings.target.namespace);
        let object = format!("{what} of {}", self.settings.object(color));
        let list = self.cluster.read("list", &object, api.list(&ListParams::default().labels(selector))).await?;
        Ok(list.items.into_iter().map(Arc::new).collect())
    }

    async fn read_autoscaler(&self, color: Color) -> Result<Option<Autoscaler>, BackendError> {
        Ok(self.find_autoscaler(color).await?.map(|autoscaler| autoscaler.limits))
    }

    /// Objects of a kind with every field, those too that this build doesn't know.
    pub(super) fn untyped<K>(&self) -> Api<DynamicObject>
    where
        K: Resource,
        K::DynamicType: Default,
    {
        let resource = ApiResource::erase::<K>(&K::DynamicType::default());
        Api::namespaced_with(self.cluster.client().clone(), &self.settings.target.namespace, &resource)
    }

    /// The Deployment with every field.
    pub(super) async fn read_untyped(&self, color: Color) -> Result<Option<Value>, BackendError> {
        let object = self.settings.object(color);
        let api = self.untyped::<Deployment>();
        let live = self.cluster.read("read", &object, api.get_opt(self.settings.name(color))).await?;
        live.map(serde_json::to_value).transpose().map_err(|error| self.settings.unusable(color, error.to_string()))
    }

    /// The selector to read by until the Deployment's own is known.
    pub(super) fn guess_selector(&self, color: Color) -> Option<String> {
        let seen = self.selectors.lock().unwrap_or_else(PoisonError::into_inner).get(color).clone();
        seen.or_else(|| match &self.settings.manifest {
            ManifestSource::Given(manifest) => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let written = match_labels(manifest).into_iter().flatten();
                let mut labels: std::collections::BTreeMap<_, _> =
                    written.map(|(key, value)| (key.clone(), text(value))).collect();
                labels.insert(self.settings.label_key.clone(), self.settings.label_value(color).to_owned());
                Some(selector_text(&labels))
            }
            ManifestSource::OtherColor => None,
        })
    }

    pub(super) fn remember_selector(&self, color: Color, selector: String) {
        *self.selectors.lock().unwrap_or_else(PoisonError::into_inner).get_mut(color) = Some(selector);
    }
}

/// A Deployment's selector for reading its pods. Expressions are left out: owners are looked at anyway.
pub(super) fn selector_of(deployment: &Deployment) -> String {
    let labels = deployment.spec.as_ref().and_then(|spec| spec.selector.match_labels.as_ref());
    labels.map(selector_text).unwrap_or_default()
}
