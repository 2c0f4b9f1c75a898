//! The two colors as an [`Environment`]: pods are servers in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Clock as _, Color, ColorObservation, Deploy, Description, Diagnosis, Endpoint, Environment,
    EnvironmentCapabilities, PerColor, Preflight, Release, Scale, Seal, Snapshot, System,
};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::app::App;
use crate::deployment::{Deployment, Phase, Pod};
use crate::object::Object;
use crate::pods::{Pods, listen};

/// Runs releases as servers in this process. Clones are the same environment; the last one ends all pods.
#[derive(Debug, Clone)]
pub(crate) struct LocalEnvironment {
    colors: PerColor<Object<Deployment>>,
    pods: Arc<Pods>,
    bug: Bug,
}

/// A bug that one release has.
#[derive(Debug, Clone)]
pub(crate) struct Bug {
    pub(crate) release: Release,
    /// How long after its first order it shows.
    pub(crate) after: Duration,
}

impl LocalEnvironment {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { colors: PerColor::from_fn(|color| Object::new(Deployment::new(color))), pods: Arc::default(), bug }
    }

    /// Both colors, for those who route to them.
    pub(crate) const fn colors(&self) -> &PerColor<Object<Deployment>> {
        &self.colors
    }

    /// What was there before anybody used bluegreen: a release that was deployed by hand, so without a stamp. Waits until
    /// it is ready.
    pub(crate) async fn deploy_by_hand(
        &self,
        color: Color,
        release: &Release,
        replicas: u32,
    ) -> Result<(), BackendError> {
        let object = self.colors.get(color);
        object.write(|deployment| self.set(deployment, release, replicas))?;
        let mut watch = self.watch(color);
        while let Some(seen) = watch.next().await {
            if seen?.is_ready(release, replicas) {
                break;
            }
        }
        Ok(())
    }

    /// Makes it `replicas` of `release`. In a cluster a controller would start and stop pods a little later; here that is
    /// part of the write, and only readiness takes time.
    fn set(&self, deployment: &mut Deployment, release: &Release, replicas: u32) -> Result<(), BackendError> {
        let keep = if deployment.release.as_ref() == Some(release) { replicas as usize } else { 0 };
        let kept = deployment.running().count().min(keep);
        // What can fail comes first: a write that fails must leave everything as it was.
        let listeners: Result<Vec<_>, _> = (kept..replicas as usize).map(|_| listen()).collect();
        let listeners = listeners.map_err(|error| BackendError::Unavailable {
            action: "start a pod of".to_owned(),
            object: deployment.object(),
            source: error.into(),
        })?;

        deployment.version += 1;
        deployment.release = Some(release.clone());
        deployment.replicas = replicas;
        for pod in deployment.running().skip(keep) {
            pod.phase = Phase::Stopping;
            pod.app.stop();
        }
        for (index, (listener, address)) in listeners.into_iter().enumerate() {
            // The version makes it a name that is never used again.
            let name = format!("{}-{}-{index}", deployment.color, deployment.version);
            let bug = (self.bug.release == *release).then_some(self.bug.after);
            let pod = Pod {
                app: Arc::new(App::new(&name, &release.version, bug)),
                endpoint: Endpoint { id: name.clone(), name, address: Some(address.ip().to_string()) },
                address,
                phase: Phase::Starting,
                since: System.now(),
            };
            self.pods.start(&pod, listener, self.colors.get(deployment.color).clone());
            deployment.pods.push(pod);
        }
        Ok(())
    }
}

/// Every write is one call of [`Object::write`], so its test, its effect and its stamp are one step; and no write has an
/// await in it, so that dropping a call leaves it done or not begun.
#[async_trait]
impl Environment for LocalEnvironment {
    fn describe(&self) -> Description {
        Description::new("LocalEnvironment")
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        Vec::new()
    }

    fn capabilities(&self) -> EnvironmentCapabilities {
        EnvironmentCapabilities::none()
    }

    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        Ok(self.colors.get(color).read(Deployment::observe))
    }

    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        self.colors.get(color).follow(Deployment::observe)
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        self.colors.get(deploy.expect.color).write(|deployment| {
            deployment.test(deploy.expect, deploy.fence)?;
            self.set(deployment, deploy.release, deploy.replicas)?;
            deployment.keep_until = None;
            Ok(deployment.stamped(deploy.stamp))
        })
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        self.colors.get(scale.expect.color).write(|deployment| {
            deployment.test(scale.expect, scale.fence)?;
            let release = deployment.deployed()?;
            self.set(deployment, &release, scale.replicas)?;
            deployment.keep_until = scale.cleanup_after;
            Ok(deployment.stamped(scale.stamp))
        })
    }

    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        self.colors.get(seal.expect.color).write(|deployment| {
            deployment.test(seal.expect, seal.fence)?;
            deployment.deployed()?;
            deployment.version += 1;
            Ok(deployment.stamped(seal.stamp))
        })
    }

    async fn pin_capacity(&self, _: Color, _: Option<u32>) -> Result<bool, BackendError> {
        // There is no autoscaler, so nothing has to be written.
        Ok(false)
    }

    async fn snapshot(&self, _: Color) -> Result<Snapshot, BackendError> {
        Err(unsupported("take snapshots"))
    }

    async fn restore(&self, _: &Snapshot) -> Result<(), BackendError> {
        Err(unsupported("restore snapshots"))
    }

    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        let object = self.colors.get(color);
        let pods = object.read(|deployment| deployment.pods.clone());
        let causes = object.read(Deployment::observe).obstacles;
        let mut evidence = BTreeMap::new();
        for pod in pods {
            let log = pod.app.log();
            if !log.is_empty() {
                evidence.insert(format!("log of pod/{}", pod.endpoint.name), log.join("\n"));
            }
        }
        Ok(Diagnosis { causes: causes.iter().map(ToString::to_string).collect(), evidence })
    }
}

fn unsupported(action: &str) -> BackendError {
    BackendError::Unsupported { action: action.to_owned(), backend: "LocalEnvironment".to_owned() }
}
