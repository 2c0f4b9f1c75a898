//! Services whose selector names the color.

mod converge;
mod object;
mod ports;
mod preflight;
mod preview;
mod selector;
mod slices;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, Convergence, Description, Endpoint, PerColor, Preflight, RouteObject,
    RouteObservation, RouteStep, RouteWrite, RouterCapabilities, Split, Target, TrafficRouter, Via,
};
use futures_util::future::try_join_all;
use futures_util::stream::{BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;

use self::preflight::ServicePreflight;
use self::selector::ColorLabel;
use crate::client::{Cluster, patch_params, post_params};

/// Routes by the selector of one Service, or of several that switch together: `app: checkout, color: blue` sends all
/// traffic to blue.
///
/// A switch is one patch per Service that tests the whole selector and the stamp that were read, and sets both anew.
/// That traffic arrived is proven from the EndpointSlices of every Service, by the uids of the pods in them.
///
/// ```no_run
/// use bluegreen_core::{PerColor, Target};
/// use bluegreen_kube::{Cluster, ServiceRouter};
///
/// # fn example(cluster: &Cluster) {
/// let target = Target::new("shop", "checkout");
/// let router = ServiceRouter::new(cluster, &target)
///     .service("checkout")
///     .label("version", PerColor { blue: "blue", green: "green" })
///     .preview();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ServiceRouter {
    cluster: Cluster,
    target: Target,
    /// Empty until one is named: then it is the target's name.
    services: Vec<String>,
    label: ColorLabel,
    port: Option<String>,
    preview: bool,
    production_url: Option<String>,
    preview_url: Option<PerColor<String>>,
}

impl ServiceRouter {
    /// Routes by the Service that is called as the target, in the target's namespace, by its label `color: blue|green`.
    #[must_use]
    pub fn new(cluster: &Cluster, target: &Target) -> Self {
        Self {
            cluster: cluster.clone(),
            target: target.clone(),
            services: Vec::new(),
            label: ColorLabel::default(),
            port: None,
            preview: false,
            production_url: None,
            preview_url: None,
        }
    }

    /// Routes by this Service instead. Each further one joins the group: they switch one after another, in the order in
    /// which they were named, and all or none. Naming one again changes nothing.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !self.services.contains(&name) {
            self.services.push(name);
        }
        self
    }

    /// Tells the colors apart by this label of the selector, and by these values of it.
    #[must_use]
    pub fn label<V: Into<String>>(mut self, key: impl Into<String>, values: PerColor<V>) -> Self {
        let values = PerColor { blue: values.blue.into(), green: values.green.into() };
        self.label = ColorLabel { key: key.into(), values };
        self
    }

    /// Uses a preview Service for each color, named `<first service>-blue` and `<first service>-green`. One that is
    /// missing is made when it is needed, with the ports of the first Service; one that is there is used if it leads to
    /// the same.
    #[must_use]
    pub const fn preview(mut self) -> Self {
        self.preview = true;
        self
    }

    /// Chooses the port of the addresses, by name or number; the first one of the Service unless chosen.
    #[must_use]
    pub fn port(mut self, port: impl Into<String>) -> Self {
        self.port = Some(port.into());
        self
    }

    /// Where users call the target. Unless set it is the cluster address of the first Service, which only answers
    /// inside the cluster. It becomes part of the plan and must hold no credentials.
    #[must_use]
    pub fn production_url(mut self, url: impl Into<String>) -> Self {
        self.production_url = Some(url.into());
        self
    }

    /// Where each color can be called without production traffic. Unless set it is the cluster address of its preview
    /// Service, if there is one. They become part of the plan and must hold no credentials.
    #[must_use]
    pub fn preview_url<V: Into<String>>(mut self, urls: PerColor<V>) -> Self {
        self.preview_url = Some(PerColor { blue: urls.blue.into(), green: urls.green.into() });
        self
    }

    fn names(&self) -> Vec<&str> {
        if self.services.is_empty() {
            return vec![&self.target.name];
        }
        self.services.iter().map(String::as_str).collect()
    }

    fn first_name(&self) -> &str {
        self.services.first().unwrap_or(&self.target.name)
    }

    fn api(&self) -> Api<Service> {
        self.cluster.api(&self.target.namespace)
    }

    async fn get(&self, name: &str) -> Result<Service, BackendError> {
        let object = object::object_name(name);
        self.cluster.read("read", &object, self.api().get(name)).await.map_err(|error| match error {
            BackendError::NotFound { object, .. } => BackendError::NotFound { object, hint: self.manifest_hint(name) },
            error => error,
        })
    }

    async fn get_all(&self) -> Result<Vec<(String, Service)>, BackendError> {
        let gets =
            self.names().into_iter().map(|name| async move { Ok((object::object_name(name), self.get(name).await?)) });
        try_join_all(gets).await
    }

    /// The Service's manifest, for someone who has none.
    fn manifest_hint(&self, name: &str) -> String {
        let (key, value) = (&self.label.key, &self.label.values.blue);
        let Target { namespace, name: app } = &self.target;
        format!(
            "create it with the labels and ports of your pods, for example:\n\
             apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec:\n  selector: {{app: {app}, {key}: {value}}}\n  ports: [{{name: http, port: 80, targetPort: 8080}}]"
        )
    }

    fn observation(&self, services: &[(String, Service)]) -> Result<RouteObservation, BackendError> {
        let read = |(_, service): &(String, Service)| object::route_object(&self.label, service);
        let objects: Vec<_> = services.iter().map(read).collect::<Result<_, _>>()?;
        Ok(RouteObservation { split: object::agreed(&objects), objects })
    }

    /// What a refused write means: it landed before, as this very attempt (the request was delivered twice), or
    /// something else is there. Nothing was changed by it in either case.
    async fn refused(&self, name: &str, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        let conflict = |found| BackendError::Conflict {
            object: write.object.name.clone(),
            expected: object::expected(&write),
            found,
        };
        let now = match self.get(name).await {
            Ok(service) => object::route_object(&self.label, &service),
            Err(error) => Err(error),
        };
        match now {
            Ok(now) if now.mark.as_ref() == Some(write.mark) => Ok(now),
            Ok(now) => Err(conflict(object::found(&now))),
            Err(error) => Err(conflict(format!("something else, which could not be read: {error}"))),
        }
    }

    /// Makes the preview Service `wanted`; returns whether it wasn't there.
    async fn create_preview(&self, wanted: &Service, name: &str) -> Result<bool, BackendError> {
        let object = object::object_name(name);
        let params = post_params();
        match self.cluster.write("create", &object, self.api().create(&params, wanted)).await {
            Ok(_) => Ok(true),
            // Somebody was faster.
            Err(BackendError::Conflict { .. }) => {
                let found = self.get(name).await?;
                preview::check_preview(wanted, &found)?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl TrafficRouter for ServiceRouter {
    fn describe(&self) -> Description {
        let ColorLabel { key, values } = &self.label;
        let mut description = Description::new("ServiceRouter")
            .with("namespace", self.target.namespace.as_str())
            .with("services", self.names())
            .with("label", format!("{key}={}|{}", values.blue, values.green))
            .with("preview", self.preview);
        let optional = [("port", &self.port), ("production_url", &self.production_url)];
        for (name, value) in optional {
            if let Some(value) = value {
                description = description.with(name, value.as_str());
            }
        }
        match &self.preview_url {
            Some(PerColor { blue, green }) => description.with("preview_url", format!("{blue}|{green}")),
            None => description,
        }
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::switch_only().with_addresses(true, self.preview || self.preview_url.is_some())
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        vec![Arc::new(ServicePreflight::new(self.clone()))]
    }

    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        self.observation(&self.get_all().await?)
    }

    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        let router = self.clone();
        watch::services(self).map(move |services| router.observation(&services?)).boxed()
    }

    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        object::steps(&route.objects, to)
    }

    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        let object = &write.object.name;
        let names = self.names();
        let name = object::service_name(object).filter(|name| names.contains(name)).ok_or_else(|| {
            let message = format!("it is not one of this route's Services: {}", names.join(", "));
            BackendError::Unusable { object: object.clone(), message }
        })?;
        let patch = object::write_patch(&self.label, &write)?.build();
        let (api, params) = (self.api(), patch_params());
        match self.cluster.write("patch", object, api.patch(name, &params, &patch)).await {
            Ok(service) => object::route_object(&self.label, &service),
            Err(BackendError::Conflict { .. }) => self.refused(name, write).await,
            Err(error) => Err(error),
        }
    }

    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        let services = self.get_all().await?;
        if endpoints.is_empty() {
            return Err(BackendError::Unusable {
                object: services.iter().map(|(object, _)| object.as_str()).collect::<Vec<_>>().join(", "),
                message: format!("no endpoints of {color} were named, so none can be shown to receive traffic"),
            });
        }
        let services = self.get_all().await?;
        let slices: Api<EndpointSlice> = self.cluster.api(&self.target.namespace);
        converge::converge(&slices, &services, color, endpoints).await
    }

    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError> {
        if !self.preview {
            return Ok(false);
        }
        let name = preview::preview_name(self.first_name(), color);
        let live = self.get(self.first_name()).await?;
        let wanted = preview::preview_service(&self.label, &self.target, &live, color);
        let object = object::object_name(&name);
        match self.cluster.read("read", &object, self.api().get_opt(&name)).await? {
            Some(found) => preview::check_preview(&wanted, &found).map(|()| false),
            None => self.create_preview(&wanted, &name).await,
        }
    }

    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        let given = match via {
            Via::Production => self.production_url.as_ref(),
            Via::Preview => self.preview_url.as_ref().map(|urls| urls.get(color)),
        };
        if let Some(url) = given {
            return Ok(Some(Address(url.clone())));
        }
        let name = match via {
            Via::Production => self.first_name().to_owned(),
            Via::Preview if self.preview => preview::preview_name(self.first_name(), color),
            Via::Preview => return Ok(None),
        };
        let service = match (self.get(&name).await, via) {
            (Err(BackendError::NotFound { object, .. }), Via::Preview) => {
                return Err(BackendError::NotFound {
                    object,
                    hint: "prepare the preview of this color first".to_owned(),
                });
            }
            (service, _) => service?,
        };
        preview::cluster_address(&service, self.port.as_deref()).map(Some)
    }
}
