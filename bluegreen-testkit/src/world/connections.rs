//! Connections that users keep open, and send requests over.

use bluegreen_core::{Color, PerColor};

use super::pod::Pod;
use super::slot::Slot;
use super::state::State;
use super::timeline::Flow;
use super::trace::Note;

/// All open connections. Who has how many of them is told in this unit, whatever their number.
pub(crate) const WHOLE: u64 = 10_000;

impl Slot {
    /// How many of all open connections lead to this color.
    fn kept(&self) -> u64 {
        self.deployment.iter().flat_map(|deployment| &deployment.pods).map(|pod| pod.kept).sum()
    }
}

impl State {
    /// Where requests go: some over new connections, as the data plane sends them, and some over open ones. What is open
    /// to no pod counts as new.
    pub(crate) fn traffic(&self) -> Flow {
        let (flow, share) = (self.flow(), self.settings.keep_alive);
        if share == 0 {
            return flow;
        }
        let kept = PerColor::from_fn(|color| self.slot(color).kept());
        let loose = WHOLE - kept.blue - kept.green;
        let new = (WHOLE - share) * WHOLE + loose * share;
        let mix = |flowing: u64, kept: u64| flowing * new + kept * flow.sum() * share;
        Flow { blue: mix(flow.blue, kept.blue), green: mix(flow.green, kept.green), nowhere: mix(flow.nowhere, 0) }
    }

    /// Lets connections leave the pods that don't keep them any more, and go where the data plane sends new ones.
    pub(crate) fn reconnect(&mut self) {
        if self.settings.keep_alive == 0 {
            return;
        }
        let (now, flow) = (self.now, self.flow());
        for pod in self.pods_mut().filter(|pod| !pod.keeps(now)) {
            pod.kept = 0;
        }
        let loose = WHOLE - self.slots.blue.kept() - self.slots.green.kept();
        for color in Color::ALL {
            let count = (loose * flow.weight(color)).checked_div(flow.sum()).unwrap_or(0);
            let Some(deployment) = &mut self.slots.get_mut(color).deployment else { continue };
            let mut pods: Vec<_> = deployment.pods.iter_mut().filter(|pod| pod.keeps(now)).collect();
            let each = count.checked_div(pods.len() as u64).unwrap_or(0);
            let rest = count - each * pods.len() as u64;
            for pod in &mut pods {
                pod.kept += each;
            }
            if let Some(first) = pods.first_mut() {
                first.kept += rest;
            }
        }
    }

    /// Removes all pods of a color but `keep`, and cuts the connections that are open to them.
    pub(crate) fn remove_pods(&mut self, color: Color, keep: u32) {
        let now = self.now;
        let Some(deployment) = &mut self.slots.get_mut(color).deployment else { return };
        let removed = deployment.pods.split_off(deployment.pods.len().min(keep as usize));
        let open = removed.iter().filter(|pod| pod.served && pod.keeps(now)).count() as u64;
        let cut = open * self.settings.connections;
        // A connection that carries no requests has none to lose.
        if self.settings.keep_alive > 0 && cut > 0 {
            self.trace.note(now, Note::Happened(format!("{cut} open connections to {color} are cut")));
            self.timeline.cut(now, cut);
        }
    }

    pub(crate) fn pods_mut(&mut self) -> impl Iterator<Item = &mut Pod> {
        let slots = [&mut self.slots.blue, &mut self.slots.green];
        slots.into_iter().filter_map(|slot| slot.deployment.as_mut()).flat_map(|deployment| &mut deployment.pods)
    }
}
