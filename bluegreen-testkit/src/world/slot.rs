//! One color: the object that asks for pods, and the pods.

use std::time::Duration;

use bluegreen_core::{Autoscaler, Color, ColorObservation, Obstacle, Release, Stamp};
use jiff::Timestamp;

use super::pod::{Phase, Pod};
use super::time::timestamp;

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) color: Color,
    /// `Deployment/checkout-green`.
    pub(crate) object: String,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) autoscaler: Option<Autoscaler>,
    /// What the autoscaler's minimum was before it was pinned.
    pub(crate) unpinned: Option<u32>,
    /// Since when no users reach it, if none do.
    pub(crate) idle_since: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) release: Release,
    /// Somebody else made it ask for this release, so that we can't tell which it is.
    pub(crate) by_hand: bool,
    pub(crate) desired: u32,
    pub(crate) version: u64,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) cleanup_after: Option<Timestamp>,
    pub(crate) pods: Vec<Pod>,
    /// When a pod was added last.
    pub(crate) grew: Duration,
    /// What the object said of its pods when it was last written.
    pub(crate) status: Status,
    /// When a pod was ready last.
    pub(crate) last_ready: Option<Duration>,
}

/// What was ready so long ago may be taken for ready now ("ready now": heard or read within 5 s).
const READY_NOW: Duration = Duration::from_secs(5);

/// What an object says of its pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) ready: u32,
    pub(crate) restarts: u32,
}

impl Slot {
    pub(crate) const fn new(color: Color, object: String) -> Self {
        Self { color, object, deployment: None, autoscaler: None, unpinned: None, idle_since: None }
    }

    /// The pods and what they are doing.
    pub(crate) fn phases(&self, now: Duration) -> impl Iterator<Item = (&Pod, Phase)> {
        let pods = self.deployment.iter().flat_map(|deployment| &deployment.pods);
        pods.map(move |pod| (pod, pod.phase(now)))
    }

    pub(crate) fn ready(&self, now: Duration) -> u32 {
        self.status(now).ready
    }

    /// Whether a pod is ready, or was a moment ago: what nobody can know yet is no mistake.
    pub(crate) fn was_ready(&self, now: Duration) -> bool {
        let last = self.deployment.as_ref().and_then(|deployment| deployment.last_ready);
        self.ready(now) > 0 || last.is_some_and(|last| now.saturating_sub(last) <= READY_NOW)
    }

    pub(crate) fn status(&self, now: Duration) -> Status {
        self.phases(now).fold(Status::default(), |sum, (_, phase)| Status {
            ready: sum.ready + u32::from(phase.ready.is_some()),
            restarts: sum.restarts + phase.restarts,
        })
    }

    /// The share of requests that the ready pods, taken together, answer badly.
    pub(crate) fn failing(&self, now: Duration) -> f64 {
        let ready = self.phases(now).filter(|(_, phase)| phase.ready.is_some());
        let (count, sum) = ready.fold((0_u32, 0.0), |(count, sum), (_, phase)| (count + 1, sum + phase.failing));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// How long each ready pod takes for an answer.
    pub(crate) fn latencies(&self, now: Duration) -> Vec<Duration> {
        let ready = self.phases(now).filter(|(_, phase)| phase.ready.is_some());
        ready.map(|(_, phase)| phase.latency).collect()
    }

    /// When a pod next does something else.
    pub(crate) fn next_event(&self, now: Duration) -> Option<Duration> {
        let drained = |pod: &Pod| pod.drained_at().filter(|at| pod.kept > 0 && *at > now);
        self.phases(now).flat_map(|(pod, phase)| phase.next.into_iter().chain(drained(pod))).min()
    }

    pub(crate) fn observe(&self, now: Duration) -> ColorObservation {
        let Some(deployment) = &self.deployment else {
            return ColorObservation {
                autoscaler: self.autoscaler,
                ..ColorObservation::absent(self.color, &*self.object)
            };
        };
        let Status { ready, restarts } = self.status(now);
        let endpoints = self.phases(now).filter(|(_, phase)| phase.ready.is_some());
        ColorObservation {
            color: self.color,
            object: self.object.clone(),
            exists: true,
            version: deployment.version.to_string(),
            stamp: deployment.stamp.clone(),
            release: (!deployment.by_hand).then(|| deployment.release.clone()),
            desired: deployment.desired,
            ready,
            settled: true,
            endpoints: endpoints.map(|(pod, _)| pod.endpoint.clone()).collect(),
            members: self.phases(now).map(|(pod, _)| pod.endpoint.clone()).collect(),
            restarts,
            obstacles: self.obstacles(now).collect(),
            autoscaler: self.autoscaler,
        }
    }

    fn obstacles(&self, now: Duration) -> impl Iterator<Item = Obstacle> {
        self.phases(now).filter_map(|(pod, phase)| {
            let trouble = phase.trouble?;
            Some(Obstacle {
                kind: trouble.kind,
                object: format!("Pod/{}", pod.endpoint.name),
                message: trouble.message.to_owned(),
                since: timestamp(trouble.since),
                grace: trouble.grace,
            })
        })
    }
}
