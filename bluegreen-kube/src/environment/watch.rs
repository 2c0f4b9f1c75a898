//! Following a color by watches of everything that it is made of.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Autoscaler, BackendError, Color, ColorObservation};
use futures_util::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Config;

use super::DeploymentEnvironment;
use super::observation::observe_from;
use super::read::selector_of;
use super::settings::ManifestSource;
use super::watched::{Place, Shown};
use super::workload::Workload;
use crate::client::watch_objects;

/// After a failure to find out what to watch.
const PAUSE: Duration = Duration::from_millis(500);

/// What one of the watches shows now.
enum Part {
    Deployment(Option<Arc<Deployment>>),
    ReplicaSets(Vec<Arc<ReplicaSet>>),
    Pods(Vec<Arc<Pod>>),
}

type Observed = Result<ColorObservation, BackendError>;

/// Follows a color; see [`Environment::watch`](bluegreen_core::Environment::watch). The autoscaler is read when the
/// watch begins, and isn't followed.
pub(super) fn watch(environment: DeploymentEnvironment, color: Color) -> BoxStream<'static, Observed> {
    stream::unfold((environment, false), move |(environment, failed)| async move {
        if failed {
            tokio::time::sleep(PAUSE).await;
        }
        Some(match begin(&environment, color).await {
            Ok((selector, autoscaler)) => (follow(&environment, color, selector, autoscaler), (environment, false)),
            Err(error) => (stream::iter([Err(error)]).boxed(), (environment, true)),
        })
    })
    .flatten()
    .boxed()
}

/// By which labels to watch, and the autoscaler.
async fn begin(
    environment: &DeploymentEnvironment,
    color: Color,
) -> Result<(String, Option<Autoscaler>), BackendError> {
    let autoscaler = environment.find_autoscaler(color).await?.map(|autoscaler| autoscaler.limits);
    if let Some(deployment) = environment.read_deployment(color).await? {
        return Ok((selector_of(&deployment), autoscaler));
    }
    let settings = &environment.settings;
    let by_color = || format!("{}={}", settings.label_key, settings.label_value(color));
    let selector = match &settings.manifest {
        ManifestSource::Given(_) => environment.guess_selector(color),
        ManifestSource::OtherColor => None,
    };
    Ok((selector.unwrap_or_else(by_color), autoscaler))
}

/// Follows a color by `selector`; ends when the Deployment turns out to have another one.
fn follow(
    environment: &DeploymentEnvironment,
    color: Color,
    selector: String,
    autoscaler: Option<Autoscaler>,
) -> BoxStream<'static, Observed> {
    let settings = Arc::clone(&environment.settings);
    let by_label = Config::default().labels(&selector);
    let next = move |seen: &mut Seen, part: Result<Part, BackendError>| match part {
        Err(error) => {
            seen.place.show(None);
            Some(Some(Err(error)))
        }
        Ok(Part::Deployment(Some(deployment))) if selector_of(&deployment) != selector => None,
        Ok(part) => {
            seen.take(part);
            Some(seen.complete().and_then(|workload| {
                let now = observe_from(&settings, color, &workload, autoscaler);
                seen.place.show(Some(Shown { workload, autoscaler }));
                seen.is_news(&now).then_some(Ok(now))
            }))
        }
    };
    parts(environment, color, &by_label)
        .scan(Seen::new(environment.watched.place(color)), move |seen, part| std::future::ready(next(seen, part)))
        .filter_map(std::future::ready)
        .boxed()
}

/// The three watches as one stream.
fn parts(
    environment: &DeploymentEnvironment,
    color: Color,
    by_label: &Config,
) -> BoxStream<'static, Result<Part, BackendError>> {
    let (cluster, settings) = (&environment.cluster, &environment.settings);
    let namespace = &settings.target.namespace;
    let by_name = Config::default().fields(&format!("metadata.name={}", settings.name(color)));
    let object = settings.object(color);
    let deployment = watch_objects(cluster.api::<Deployment>(namespace), by_name, object.clone())
        .map(|found| found.map(|objects| Part::Deployment(objects.into_iter().next())));
    let what = format!("ReplicaSets of {object}");
    let sets = watch_objects(cluster.api::<ReplicaSet>(namespace), by_label.clone(), what)
        .map(|found| found.map(Part::ReplicaSets));
    let pods = watch_objects(cluster.api::<Pod>(namespace), by_label.clone(), format!("Pods of {object}"))
        .map(|found| found.map(Part::Pods));
    stream::select_all([deployment.boxed(), sets.boxed(), pods.boxed()]).boxed()
}

/// What the watches have shown so far.
struct Seen {
    place: Place,
    deployment: Option<Option<Arc<Deployment>>>,
    replica_sets: Option<Vec<Arc<ReplicaSet>>>,
    pods: Option<Vec<Arc<Pod>>>,
    shown: Option<ColorObservation>,
}

impl Seen {
    const fn new(place: Place) -> Self {
        Self { place, deployment: None, replica_sets: None, pods: None, shown: None }
    }

    fn take(&mut self, part: Part) {
        match part {
            Part::Deployment(deployment) => self.deployment = Some(deployment),
            Part::ReplicaSets(sets) => self.replica_sets = Some(sets),
            Part::Pods(pods) => self.pods = Some(pods),
        }
    }

    /// Everything, once every watch has shown something: a color isn't empty because its pods are still being listed.
    fn complete(&self) -> Option<Workload> {
        Some(Workload {
            deployment: self.deployment.clone()?,
            replica_sets: self.replica_sets.clone()?,
            pods: self.pods.clone()?,
        })
    }

    /// Whether `now` differs from what was shown last; it will be shown then.
    fn is_news(&mut self, now: &ColorObservation) -> bool {
        let news = self.shown.as_ref() != Some(now);
        if news {
            self.shown = Some(now.clone());
        }
        news
    }
}
