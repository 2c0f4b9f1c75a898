//! The two colors as an [`Environment`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Description, Diagnosis, Environment, EnvironmentCapabilities, Fence,
    Preflight, Release, Scale, Seal, Snapshot, Stamp,
};
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use super::fault::Site;
use super::follow::follow;
use super::shared::Shared;
use super::snapshot;
use super::state::State;

/// The two colors of a [`World`](super::World).
///
/// What is asked for is there at once; only the pods take their time. Colors that others made are adopted. The version of a color changes with every write
/// and whenever the number of its ready pods or of their restarts does, as on a cluster.
#[derive(Debug, Clone)]
pub struct WorldEnvironment {
    shared: Arc<Shared>,
}

impl WorldEnvironment {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn site(&self, name: &'static str, action: &'static str, color: Color) -> Site {
        Site::new(name, action, self.shared.look(|state| state.slot(color).object.clone()))
    }
}

#[async_trait]
impl Environment for WorldEnvironment {
    fn describe(&self) -> Description {
        Description::new("WorldEnvironment")
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        Vec::new()
    }

    fn capabilities(&self) -> EnvironmentCapabilities {
        EnvironmentCapabilities::none().with_snapshot(true).with_autoscaler(true)
    }

    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        let site = self.site("environment.observe", "read", color);
        self.shared.call(site, move |state| Ok(state.observe(color))).await
    }

    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        follow(Arc::clone(&self.shared), move |state| state.observe(color))
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        let site = self.site("environment.deploy", "deploy", deploy.expect.color);
        let site = site.leaving(deploy.stamp).hurting(Some(deploy.expect.color));
        let write = Write::new(deploy.expect, deploy.fence, deploy.stamp);
        let (release, replicas) = (deploy.release.clone(), deploy.replicas);
        self.shared.call(site, move |state| state.deploy(&write, &release, replicas)).await
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        let site = self.site("environment.scale", "scale", scale.expect.color);
        let hurts = (scale.replicas < scale.expect.desired).then_some(scale.expect.color);
        let site = site.leaving(scale.stamp).hurting(hurts);
        let write = Write::new(scale.expect, scale.fence, scale.stamp);
        let (replicas, cleanup_after) = (scale.replicas, scale.cleanup_after);
        self.shared.call(site, move |state| state.scale(&write, replicas, cleanup_after)).await
    }

    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        let site = self.site("environment.seal", "seal", seal.expect.color).leaving(seal.stamp);
        let write = Write::new(seal.expect, seal.fence, seal.stamp);
        self.shared.call(site, move |state| state.seal(&write)).await
    }

    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        let site = self.site("environment.pin_capacity", "pin", color);
        self.shared.call(site, move |state| state.pin(color, minimum)).await
    }

    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        let site = self.site("environment.snapshot", "copy", color);
        self.shared.call(site, move |state| Ok(snapshot::take(state.slot(color)))).await
    }

    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        let site = self.site("environment.restore", "restore", snapshot.color);
        let snapshot = snapshot.clone();
        self.shared.call(site, move |state| snapshot::restore(state, &snapshot)).await
    }

    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        let site = self.site("environment.diagnose", "diagnose", color);
        self.shared.call(site, move |state| Ok(state.diagnose(color))).await
    }
}

/// What every fenced write of a color has in common.
struct Write {
    expect: ColorObservation,
    fence: Fence,
    stamp: Stamp,
}

impl Write {
    fn new(expect: &ColorObservation, fence: Fence, stamp: &Stamp) -> Self {
        Self { expect: expect.clone(), fence, stamp: stamp.clone() }
    }

    /// Tests that the color is as it was read, as far as the fence goes.
    fn test(&self, found: &ColorObservation) -> Result<(), BackendError> {
        let expect = &self.expect;
        let same = match self.fence {
            _ if expect.exists != found.exists => false,
            _ if !expect.exists => true,
            Fence::Version => expect.version == found.version,
            Fence::Stamp if expect.stamp.is_none() => {
                return Err(BackendError::Refused {
                    action: "write".to_owned(),
                    object: found.object.clone(),
                    message: "a write can't test a stamp where none was read; test the version".to_owned(),
                });
            }
            Fence::Stamp => expect.stamp == found.stamp,
        };
        if same {
            return Ok(());
        }
        Err(BackendError::Conflict {
            object: found.object.clone(),
            expected: describe(expect, self.fence),
            found: describe(found, self.fence),
        })
    }
}

/// What a fence sees of a color.
fn describe(color: &ColorObservation, fence: Fence) -> String {
    match (fence, &color.stamp) {
        _ if !color.exists => "no such object".to_owned(),
        (Fence::Version, _) => format!("version {}", color.version),
        (Fence::Stamp, Some(stamp)) => format!("stamp {stamp}"),
        (Fence::Stamp, None) => "no stamp".to_owned(),
    }
}

impl State {
    fn observe(&self, color: Color) -> ColorObservation {
        self.slot(color).observe(self.now)
    }

    fn deploy(&mut self, write: &Write, release: &Release, replicas: u32) -> Result<ColorObservation, BackendError> {
        let color = write.expect.color;
        let found = self.observe(color);
        write.test(&found)?;
        if replicas == 0 {
            return Err(BackendError::Refused {
                action: "deploy".to_owned(),
                object: found.object,
                message: "a release is deployed with at least one replica".to_owned(),
            });
        }
        let replaces = (self.slot(color).deployment.as_ref()).is_some_and(|deployment| deployment.release != *release);
        if replaces || replicas < found.desired {
            self.check_spared(color, &format!("{release} was deployed with {replicas} replicas"));
        }
        self.check_color_write(&found, &write.stamp, replicas);
        self.set_color(color, release.clone(), replicas);
        if let Some(deployment) = &mut self.slots.get_mut(color).deployment {
            deployment.cleanup_after = None;
        }
        Ok(self.stamped(color, &write.stamp))
    }

    fn scale(
        &mut self,
        write: &Write,
        replicas: u32,
        cleanup_after: Option<Timestamp>,
    ) -> Result<ColorObservation, BackendError> {
        let color = write.expect.color;
        let found = self.observe(color);
        write.test(&found)?;
        if replicas < found.desired {
            let from = found.desired;
            self.check_spared(color, &format!("it was scaled down from {from} to {replicas} replicas"));
        }
        self.check_color_write(&found, &write.stamp, replicas);
        let Some(deployment) = &mut self.slots.get_mut(color).deployment else {
            return Err(missing(found.object));
        };
        deployment.desired = replicas;
        deployment.cleanup_after = cleanup_after;
        self.reconcile(color);
        Ok(self.stamped(color, &write.stamp))
    }

    fn seal(&mut self, write: &Write) -> Result<ColorObservation, BackendError> {
        let color = write.expect.color;
        let found = self.observe(color);
        write.test(&found)?;
        if !found.exists {
            return Err(missing(found.object));
        }
        self.check_color_write(&found, &write.stamp, found.desired);
        self.touch(color);
        Ok(self.stamped(color, &write.stamp))
    }

    /// Leaves a stamp on a color that was just written.
    fn stamped(&mut self, color: Color, stamp: &Stamp) -> ColorObservation {
        if let Some(deployment) = &mut self.slots.get_mut(color).deployment {
            deployment.stamp = Some(stamp.clone());
        }
        self.observe(color)
    }

    /// Law 2: what serves is never touched. What somebody did to the route after the writer saw it last, it can't know:
    /// then it makes up for it (rule R10).
    pub(crate) fn check_spared(&mut self, color: Color, what: &str) {
        if self.sender.is_some_and(|sender| self.edited_unseen(sender)) {
            return;
        }
        let object = self.route.iter().find(|object| object.references(color));
        if let Some((name, state)) = object.map(|object| (&object.name, &object.state)) {
            let what = format!("{color} was touched while {name} routes to {state}: {what}");
            self.violated(2, &what);
        }
    }

    fn pin(&mut self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        let slot = self.slots.get_mut(color);
        let Some(autoscaler) = &mut slot.autoscaler else {
            return Ok(false);
        };
        match minimum {
            Some(minimum) if minimum > autoscaler.max => {
                return Err(BackendError::Refused {
                    action: "pin".to_owned(),
                    object: slot.object.clone(),
                    message: format!("the autoscaler's maximum is {}, below {minimum}", autoscaler.max),
                });
            }
            Some(minimum) if minimum <= autoscaler.min => return Ok(false),
            Some(minimum) => {
                slot.unpinned.get_or_insert(autoscaler.min);
                autoscaler.min = minimum;
            }
            None => match slot.unpinned.take() {
                None => return Ok(false),
                Some(original) => autoscaler.min = original,
            },
        }
        self.reconcile(color);
        Ok(true)
    }

    fn diagnose(&self, color: Color) -> Diagnosis {
        let found = self.observe(color);
        let object = &found.object;
        let mut causes: Vec<String> = found.obstacles.iter().map(ToString::to_string).collect();
        let failing = self.failing(color);
        if failing > 0.0 {
            causes.push(format!("{object} answers {:.1} % of its requests badly", failing * 100.0));
        }
        if !found.exists {
            causes.push(format!("{object} does not exist"));
        }
        let summary = format!("{} of {} pods ready, {} restarts", found.ready, found.desired, found.restarts);
        Diagnosis { causes, evidence: BTreeMap::from([(found.object, summary)]) }
    }
}

fn missing(object: String) -> BackendError {
    BackendError::NotFound { object, hint: "deploy a release to this color first".to_owned() }
}
