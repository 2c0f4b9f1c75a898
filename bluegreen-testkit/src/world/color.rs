//! What becomes of a color when it is written, by whomever.

use bluegreen_core::{Color, Endpoint, Release};

use super::behavior::Behavior;
use super::pod::Pod;
use super::slot::{Deployment, Status};
use super::state::State;

impl State {
    /// Sets how the pods of `version` behave: those that are there, and those to come.
    pub(crate) fn behave(&mut self, version: String, behavior: Behavior) {
        let now = self.now;
        for color in Color::ALL {
            if let Some(deployment) = &mut self.slots.get_mut(color).deployment
                && deployment.release.version == version
            {
                deployment.pods.iter_mut().for_each(|pod| pod.behave(behavior, now));
            }
        }
        self.behaviors.insert(version, behavior);
    }

    /// Makes a color ask for `replicas` of `release`; its pods are replaced if it asked for another release. Keeps its
    /// stamp.
    pub(crate) fn set_color(&mut self, color: Color, release: Release, replicas: u32) {
        let replaces = self.slot(color).deployment.as_ref().is_some_and(|deployment| deployment.release != release);
        if replaces {
            self.remove_pods(color, 0);
        }
        let slot = self.slots.get_mut(color);
        match &mut slot.deployment {
            Some(deployment) => {
                if replaces {
                    deployment.release = release;
                    deployment.last_ready = None;
                }
                deployment.desired = replicas;
                deployment.by_hand = false;
            }
            None => {
                slot.deployment = Some(Deployment {
                    release,
                    by_hand: false,
                    desired: replicas,
                    version: 0,
                    stamp: None,
                    cleanup_after: None,
                    pods: Vec::new(),
                    grew: self.now,
                    status: Status::default(),
                    last_ready: None,
                });
            }
        }
        self.reconcile(color);
    }

    /// Notes that somebody else made a color what it is.
    pub(crate) const fn made_by_hand(&mut self, color: Color) {
        if let Some(deployment) = &mut self.slots.get_mut(color).deployment {
            deployment.by_hand = true;
        }
    }

    /// Makes all pods of a color ready now.
    pub(crate) fn start(&mut self, color: Color) {
        let now = self.now;
        if let Some(deployment) = &mut self.slots.get_mut(color).deployment {
            deployment.pods.iter_mut().for_each(|pod| pod.start(now));
        }
        self.touch(color);
    }

    /// Gives a color as many pods as it asks for, after its autoscaler had its say, and a new version. An autoscaler
    /// leaves a color alone that asks for none.
    pub(crate) fn reconcile(&mut self, color: Color) {
        let slot = self.slots.get_mut(color);
        let Some(deployment) = &mut slot.deployment else {
            return;
        };
        if let Some(autoscaler) = slot.autoscaler.filter(|_| deployment.desired > 0) {
            deployment.desired = deployment.desired.max(autoscaler.min).min(autoscaler.max);
        }
        let desired = deployment.desired;
        self.remove_pods(color, desired);
        self.add_pods(color, desired);
        self.touch(color);
    }

    fn add_pods(&mut self, color: Color, desired: u32) {
        let now = self.now;
        let slot = self.slots.get_mut(color);
        let object = slot.object.rsplit('/').next().unwrap_or_default();
        let Some(deployment) = &mut slot.deployment else {
            return;
        };
        let behavior = self.behaviors.get(&deployment.release.version).copied().unwrap_or(Behavior::healthy());
        while deployment.pods.len() < desired as usize {
            self.pods += 1;
            deployment.grew = now;
            deployment.pods.push(Pod::new(endpoint(object, self.pods), behavior, self.settings.start_time, now));
        }
    }

    /// Gives a color's object a new version, which also covers what its pods do now.
    pub(crate) fn touch(&mut self, color: Color) {
        let status = self.slot(color).status(self.now);
        let version = self.next_version();
        if let Some(deployment) = &mut self.slots.get_mut(color).deployment {
            deployment.status = status;
            deployment.version = version;
        }
    }
}

/// The n-th pod of the world.
fn endpoint(object: &str, number: u64) -> Endpoint {
    Endpoint {
        id: format!("pod-{number}"),
        name: format!("{object}-{number}"),
        address: Some(format!("10.0.{}.{}", number / 250 % 250, number % 250 + 1)),
    }
}
