//! One color as this environment keeps it: what is asked for, the stamp of who asked, and the pods that are there.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use bluegreen_core::{BackendError, Color, ColorObservation, Endpoint, Fence, Obstacle, ObstacleKind, Release, Stamp};
use jiff::Timestamp;

use crate::app::App;

/// A color. It begins to exist with its first deployment.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) color: Color,
    /// Grows with every change.
    pub(crate) version: u64,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) release: Option<Release>,
    pub(crate) replicas: u32,
    /// Once it is scaled down: how long it can be restored.
    pub(crate) keep_until: Option<Timestamp>,
    pub(crate) pods: Vec<Pod>,
}

/// One running instance of a release.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    pub(crate) phase: Phase,
    pub(crate) since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Unready,
    Stopping,
}

impl Deployment {
    pub(crate) const fn new(color: Color) -> Self {
        Self { color, version: 0, stamp: None, release: None, replicas: 0, keep_until: None, pods: Vec::new() }
    }

    const fn exists(&self) -> bool {
        self.version > 0
    }

    pub(crate) fn object(&self) -> String {
        format!("deployment/{}", self.color)
    }

    pub(crate) fn ready(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| pod.phase == Phase::Ready)
    }

    pub(crate) fn running(&mut self) -> impl Iterator<Item = &mut Pod> {
        self.pods.iter_mut().filter(|pod| pod.phase != Phase::Stopping)
    }

    /// The release that is deployed, which is what a color without one has to be given first.
    pub(crate) fn deployed(&self) -> Result<Release, BackendError> {
        self.release.clone().ok_or_else(|| BackendError::NotFound {
            object: self.object(),
            hint: "deploy a release to this color first".to_owned(),
        })
    }

    /// The end of every write.
    pub(crate) fn stamped(&mut self, stamp: &Stamp) -> ColorObservation {
        self.stamp = Some(stamp.clone());
        self.observe()
    }

    pub(crate) fn observe(&self) -> ColorObservation {
        if !self.exists() {
            return ColorObservation::absent(self.color, self.object());
        }
        let endpoints: BTreeSet<_> = self.ready().map(|pod| pod.endpoint.clone()).collect();
        ColorObservation {
            color: self.color,
            object: self.object(),
            exists: true,
            version: self.version.to_string(),
            stamp: self.stamp.clone(),
            release: self.release.clone(),
            desired: self.replicas,
            ready: u32::try_from(endpoints.len()).unwrap_or(u32::MAX),
            settled: self.pods.iter().all(|pod| pod.phase != Phase::Stopping),
            endpoints,
            members: self.pods.iter().map(|pod| pod.endpoint.clone()).collect(),
            restarts: 0,
            obstacles: self.pods.iter().filter_map(Pod::obstacle).collect(),
            autoscaler: None,
        }
    }

    /// What every write does first: test that the color is as its sender read it, as far as the fence goes. This is what
    /// keeps a program that was paused, or replaced, from writing over a newer state.
    pub(crate) fn test(&self, expect: &ColorObservation, fence: Fence) -> Result<(), BackendError> {
        let same = match fence {
            _ if expect.exists != self.exists() => false,
            _ if !expect.exists => true,
            Fence::Version => expect.version == self.version.to_string(),
            Fence::Stamp => expect.stamp.is_some() && expect.stamp == self.stamp,
        };
        if same {
            return Ok(());
        }
        Err(BackendError::Conflict {
            object: self.object(),
            expected: describe(&expect.version, expect.stamp.as_ref()),
            found: describe(&self.version.to_string(), self.stamp.as_ref()),
        })
    }

    /// A pod's own report of how it is. One that is stopping stays so.
    pub(crate) fn report(&mut self, id: &str, phase: Phase, now: Timestamp) {
        let pod = self.pods.iter_mut().find(|pod| pod.endpoint.id == id);
        if let Some(pod) = pod.filter(|pod| pod.phase != Phase::Stopping) {
            pod.phase = phase;
            pod.since = now;
            self.version += 1;
        }
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.pods.retain(|pod| pod.endpoint.id != id);
        self.version += 1;
    }
}

impl Pod {
    fn obstacle(&self) -> Option<Obstacle> {
        let message = match self.phase {
            Phase::Starting => "is starting",
            Phase::Unready => "is not ready: it has no database connection",
            Phase::Ready | Phase::Stopping => return None,
        };
        Some(Obstacle {
            kind: ObstacleKind::NotReady,
            object: format!("pod/{}", self.endpoint.name),
            message: message.to_owned(),
            since: self.since,
            grace: None,
        })
    }
}

fn describe(version: &str, stamp: Option<&Stamp>) -> String {
    let version = if version.is_empty() { "none" } else { version };
    stamp.map_or_else(
        || format!("version {version} without a stamp"),
        |stamp| format!("version {version} with stamp {stamp}"),
    )
}
