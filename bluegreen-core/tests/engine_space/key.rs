//! When two nodes are the same: everything that decides what can happen next, written in a canonical form.
//!
//! Stamps and holders are numbered in the order in which they appear, times are told as distances from now, and serial
//! numbers by their order. Texts that only people read are left out.

use std::hash::{DefaultHasher, Hash, Hasher};

use bluegreen_core::engine::{Intent, Reading, State, Tries, View};
use bluegreen_core::{
    Check, Color, ColorObservation, Ending, Holder, PerColor, RouteMark, RouteObject, RouteState, Stamp,
};
use jiff::Timestamp;

use crate::history::History;
use crate::node::{Node, stranger};
use crate::process::first_holder;
use crate::time::distance;
use crate::world::{Change, Sent, World};

/// The canonical form of a node, hashed.
pub(crate) fn key(node: &Node) -> u128 {
    let mut key = Key { bytes: Vec::with_capacity(1024), stamps: Vec::new(), holders: Vec::new(), now: node.now };
    key.objects(&node.process.state().started.found);
    key.world(&node.world);
    key.state(node.process.state());
    match &node.process.durable {
        Some(journal) if node.process.has_unsaved() => key.state(journal),
        durable => key.put(u8::from(durable.is_some())),
    }
    key.put(u8::from(node.process.journal_lost));
    key.view(&node.process.view, &node.world);
    key.history(&node.history, &node.world, node.left);
    key.hashed()
}

/// Collects what a value is hashed by.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

struct Key {
    bytes: Vec<u8>,
    stamps: Vec<Stamp>,
    holders: Vec<Holder>,
    now: Timestamp,
}

impl Key {
    fn hashed(&self) -> u128 {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(&self.bytes);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    fn put(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// The number of a kind of thing and its parts; small numbers only, as all counters of the model are.
    fn count(&mut self, count: impl TryInto<u8>) {
        self.put(count.try_into().unwrap_or(u8::MAX));
    }

    fn kind(&mut self, kind: impl Hash) {
        let mut bytes = Bytes(std::mem::take(&mut self.bytes));
        kind.hash(&mut bytes);
        self.bytes = bytes.0;
    }

    fn time(&mut self, at: Timestamp) {
        let distance = distance(self.now, at);
        self.put(distance as u8);
    }

    fn maybe_time(&mut self, at: Option<Timestamp>) {
        self.put(u8::from(at.is_some()));
        at.into_iter().for_each(|at| self.time(at));
    }

    fn holder(&mut self, holder: &Holder) {
        let known = self.holders.iter().position(|known| known == holder);
        let index = known.unwrap_or_else(|| {
            self.holders.push(holder.clone());
            self.holders.len() - 1
        });
        self.count(index);
        // Strangers are told from the processes of this rollout.
        self.put(u8::from(*holder == stranger()));
    }

    fn stamp(&mut self, stamp: Option<&Stamp>) {
        let Some(stamp) = stamp else {
            return self.put(u8::MAX);
        };
        let known = self.stamps.iter().position(|known| known == stamp);
        let index = known.unwrap_or_else(|| {
            self.stamps.push(stamp.clone());
            self.stamps.len() - 1
        });
        self.count(index);
        self.holder(&stamp.holder);
    }

    // ---- the world ------------------------------------------------------------------------------------------------

    fn world(&mut self, world: &World) {
        self.objects(&world.route);
        for color in Color::ALL {
            let slot = world.colors.get(color);
            self.color(&slot.seen);
            self.put(u8::from(slot.broken));
            self.count(slot.touched);
        }
        self.count(world.in_flight.len());
        world.in_flight.iter().for_each(|sent| self.sent(sent, world));
        self.put(world.migration as u8);
        self.put(world.server as u8);
        for measured in [world.signal, world.probe, world.pods] {
            self.put(measured as u8);
        }
        world.failing.iter().chain(&world.endless).for_each(|check| self.kind(check));
        self.count(world.failing.len());
        self.put(u8::from(world.taken));
        self.put(u8::from(world.edits > 0));
    }

    fn objects(&mut self, objects: &[RouteObject]) {
        for object in objects {
            self.route_state(&object.state);
            self.mark(object.mark.as_ref());
        }
    }

    fn route_state(&mut self, state: &RouteState) {
        match state {
            RouteState::Routes(split) => {
                self.count(split.blue);
                self.count(split.green);
            }
            RouteState::Foreign(_) => self.put(201),
            RouteState::Absent => self.put(202),
        }
    }

    fn mark(&mut self, mark: Option<&RouteMark>) {
        self.stamp(mark.map(|mark| &mark.stamp));
        let Some(mark) = mark else {
            return;
        };
        self.route_state(&mark.state());
        self.bytes.extend_from_slice(mark.rollout.as_str().as_bytes());
        self.put(u8::from(mark.ended));
    }

    fn color(&mut self, seen: &ColorObservation) {
        self.put(u8::from(seen.exists) | u8::from(seen.settled) << 1);
        self.stamp(seen.stamp.as_ref());
        if let Some(release) = &seen.release {
            self.bytes.extend_from_slice(release.version.as_bytes());
        }
        self.count(seen.desired);
        self.count(seen.ready);
        self.count(seen.restarts);
        self.count(seen.autoscaler.map_or(0, |autoscaler| autoscaler.min));
    }

    fn sent(&mut self, sent: &Sent, world: &World) {
        self.kind(sent.write);
        self.stamp(Some(&sent.stamp));
        self.put(sent.fence as u8);
        self.put(u8::from(sent.knew.edits == world.edits));
        match &sent.change {
            Change::Route { expect, to, mark } => {
                self.objects(std::slice::from_ref(&**expect));
                self.route_state(to);
                self.mark(Some(mark));
                self.bytes.extend_from_slice(sent.object.as_bytes());
            }
            Change::Color { expect, replicas, .. } => {
                let color = expect.color;
                self.put(u8::from(*sent.knew.touched.get(color) == world.knowledge_of_touches(color)));
                self.put(u8::from(expect.version == world.color(color).version));
                self.stamp(expect.stamp.as_ref());
                self.count(*replicas);
            }
        }
    }

    // ---- the state ------------------------------------------------------------------------------------------------

    fn state(&mut self, state: &State) {
        self.holder(&state.holder);
        self.put(
            u8::from(state.holder == first_holder())
                | u8::from(state.paused) << 1
                | u8::from(state.approved.is_some()) << 2,
        );
        self.objects(&state.holding.found);
        state.holding.raised.iter().for_each(|name| self.bytes.extend_from_slice(name.as_bytes()));
        self.put(b'|');
        state.raised.iter().for_each(|name| self.bytes.extend_from_slice(name.as_bytes()));
        self.put(u8::from(state.holding.sealed_first));
        self.put(u8::from(state.holding.sealed.blue) | u8::from(state.holding.sealed.green) << 1);
        self.count(state.capacity.map_or(0, |capacity| capacity + 1));
        self.put(u8::from(state.way_back.is_some()));
        if let Some(way_back) = &state.way_back {
            self.put(u8::from(way_back.open));
            self.count(way_back.serving);
            self.count(way_back.restarts);
        }
        state.intent.iter().for_each(|intent| self.intent(intent));
        self.count(state.doubts.len());
        state.doubts.values().for_each(|doubt| self.intent(&doubt.intent));
        state.tries.iter().for_each(|tries| self.tries(tries));
        self.maybe_time(state.capacity_since);
        self.progress(state);
        self.ending(state);
        self.sources(state);
    }

    fn progress(&mut self, state: &State) {
        for (check, at) in &state.begun {
            self.kind(check);
            self.time_if(matches!(check, Check::Approval | Check::Ready), *at);
            self.put(u8::from(state.inherited.contains(check)));
        }
        self.put(b'|');
        for (check, at) in &state.passed {
            self.kind(check);
            let counts = matches!(check, Check::Ready | Check::Converged | Check::Settled | Check::Returned);
            self.time_if(counts, *at);
        }
        self.put(b'|');
        for (write, at) in &state.wrote {
            self.bytes.extend_from_slice(write.as_bytes());
            self.time_if(matches!(*write, "deploy" | "retire" | "take_down"), *at);
            self.time_if(write.starts_with("scale_up"), *at);
        }
        for at in state.shifted.values() {
            self.time(*at);
        }
        self.count(state.deploys);
        self.put(u8::from(state.traffic_sent));
        self.maybe_time(state.switched);
        self.maybe_time(state.returned);
    }

    /// Only some times are ever counted from.
    fn time_if(&mut self, counts: bool, at: Timestamp) {
        if counts {
            self.time(at);
        }
    }

    fn ending(&mut self, state: &State) {
        if let Some((check, _)) = &state.failed {
            self.kind(check);
        }
        self.put(b'|');
        state.failures.iter().for_each(|check| self.kind(check));
        self.put(b'|');
        if let Some((ending, since)) = &state.ending {
            self.put(match ending {
                Ending::Abort { .. } => 1,
                Ending::RollBack { forced, .. } => 2 + u8::from(*forced),
            });
            self.time(*since);
        }
        self.put(u8::from(state.end.is_some()));
    }

    fn sources(&mut self, state: &State) {
        for source in state.watch.sources.values() {
            for count in [source.bad_in_a_row, source.bad, source.silent_in_a_row] {
                self.count(count.min(5));
            }
            self.count(source.seen.as_secs() / 10);
            self.count(source.seen_confirming.as_secs() / 10);
            self.put(u8::from(source.failing.is_some()));
        }
        self.put(u8::from(state.watch.guard_lost.is_some()));
        if let Some((from, until)) = state.watch.confirming {
            self.time(from);
            self.time(until);
        }
        self.maybe_time(state.watch.passed);
    }

    fn intent(&mut self, intent: &Intent) {
        self.kind(intent.write);
        self.stamp(Some(&intent.stamp));
    }

    fn tries(&mut self, tries: &Tries) {
        self.kind(tries.write);
        self.count(tries.counted);
        self.count(tries.all.min(6));
        self.time(tries.since);
        self.time(tries.last);
        self.put(u8::from(tries.hopeless));
    }

    // ---- the view and the past ------------------------------------------------------------------------------------

    fn view(&mut self, view: &View, world: &World) {
        let mut serials = vec![view.barrier, view.waited];
        if let Some(route) = &view.route {
            self.objects(&route.value.objects);
            for (seen, there) in route.value.objects.iter().zip(&world.route) {
                self.put(u8::from(seen.version == there.version));
            }
            self.time(route.at);
            serials.push(route.serial);
        }
        for readings in [&view.colors, &view.heard] {
            self.readings(readings, world, &mut serials);
        }
        self.put(u8::from(view.route_stirred) | u8::from(view.unreadable.is_some()) << 1);
        let mut order = serials.clone();
        order.sort_unstable();
        order.dedup();
        for serial in serials {
            self.count(order.iter().position(|other| *other == serial).unwrap_or_default());
        }
    }

    fn readings(
        &mut self,
        readings: &PerColor<Option<Reading<ColorObservation>>>,
        world: &World,
        serials: &mut Vec<u64>,
    ) {
        for reading in Color::ALL.into_iter().filter_map(|color| readings.get(color).as_ref()) {
            self.color(&reading.value);
            self.put(u8::from(reading.value.version == world.color(reading.value.color).version));
            self.time(reading.at);
            serials.push(reading.serial);
        }
    }

    fn history(&mut self, history: &History, world: &World, left: u8) {
        self.put(u8::from(history.knew.edits == world.edits));
        for color in Color::ALL {
            self.put(u8::from(*history.knew.touched.get(color) == world.knowledge_of_touches(color)));
        }
        history.unread.iter().for_each(|on| self.kind(on));
        self.put(u8::from(history.moved) | u8::from(history.proven) << 1 | u8::from(history.costly) << 2);
        self.put(u8::from(history.forgetful) | u8::from(history.refused) << 1 | u8::from(history.condemned) << 2);
        history.data.iter().for_each(|(_, count)| self.put(*count));
        self.put(u8::from(history.turned.is_some()));
        self.put(u8::from(history.turned == Some(left)));
        self.put(u8::from(history.migration_sent_by.is_some()));
        self.put(u8::from(history.migration_sent_by == Some(history.processes)));
        let since = &history.since;
        for at in [since.approval, since.switched, since.settled, since.confirming_until] {
            self.maybe_time(at);
        }
    }
}
