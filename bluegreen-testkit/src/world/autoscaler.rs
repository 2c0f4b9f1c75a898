//! The autoscalers of the colors.

use std::time::Duration;

use bluegreen_core::Color;

use super::slot::Slot;
use super::state::State;
use super::trace::Note;

/// How long a color has to be idle before its autoscaler takes pods away, as Kubernetes has it by default.
const STABILIZATION: Duration = Duration::from_secs(300);

impl Slot {
    /// Takes in whether users reach the color from now on.
    pub(crate) fn note_traffic(&mut self, reached: bool, now: Duration) {
        self.idle_since = if reached { None } else { self.idle_since.or(Some(now)) };
    }

    /// When its autoscaler takes pods away if nothing happens before, and how many it leaves. Pods that were added a
    /// moment ago are left alone as long as those that served a moment ago.
    pub(crate) fn shrinks(&self) -> Option<(Duration, u32)> {
        let (deployment, autoscaler) = (self.deployment.as_ref()?, self.autoscaler?);
        let idle = self.idle_since?.max(deployment.grew);
        (deployment.desired > autoscaler.min).then_some((idle.saturating_add(STABILIZATION), autoscaler.min))
    }
}

impl State {
    /// Lets autoscalers shrink what has been idle for too long.
    pub(crate) fn autoscale(&mut self) {
        for color in Color::ALL {
            let Some((_, minimum)) = self.slot(color).shrinks().filter(|(at, _)| *at <= self.now) else { continue };
            let Some(deployment) = &mut self.slots.get_mut(color).deployment else { continue };
            let from = std::mem::replace(&mut deployment.desired, minimum);
            let told = format!("the autoscaler shrinks {color}, which is idle, from {from} to {minimum}");
            self.trace.note(self.now, Note::Happened(told));
            self.reconcile(color);
        }
    }
}
