//! Reads and writes, and what becomes of them.

use bluegreen_core::engine::Then;
use bluegreen_core::{Event, On, Stamp, Write};
use jiff::Timestamp;

use crate::laws;
use crate::moves::{Fate, ReadFault};
use crate::node::{Broken, Node};
use crate::time::TICK;
use crate::world::Change;

impl Node {
    pub(crate) fn read(&mut self, fault: Option<ReadFault>) {
        let Then::Read(on) = self.then else {
            return;
        };
        self.process.catch_up(&self.world, self.now);
        let (serial, at) = (self.process.next_serial(), self.now);
        match fault {
            Some(ReadFault::Fails) => {
                self.flush_if_due();
                self.now += TICK;
                return;
            }
            Some(ReadFault::Hopeless) => {
                self.process.view.unreadable = Some("denied".to_owned());
                return;
            }
            Some(ReadFault::Slow) => self.now += TICK,
            None => {}
        }
        match on {
            On::Route => {
                self.process.saw_route(self.world.observe_route(), serial, at);
                self.process.view.route_stirred = false;
            }
            On::Color(color) => self.process.saw_color(self.world.color(color).clone(), serial, at),
        }
        self.history.read(on, &self.world);
    }

    pub(crate) fn write(&mut self, fate: Fate) -> Result<(), Broken> {
        let Then::Write { write, object, replicas } = self.then.clone() else {
            return Ok(());
        };
        let knew = self.history.knew.clone();
        let Some((sent, step)) = self.process.compose(write, object.as_deref(), replicas, knew) else {
            self.process.view.route_stirred |= write.on() == On::Route;
            return Ok(());
        };
        let (name, stamp) = (sent.object.clone(), sent.stamp.clone());
        self.fold(&Event::Intent { write, object: name.clone(), stamp: stamp.clone(), step })?;
        self.flush();
        let (serial, at) = (self.process.next_serial(), self.now);
        let error = String::new();
        let landed = match fate {
            Fate::Arrives | Fate::Unheard => {
                laws::of_landing(&self.world, &sent)?;
                self.world.land(&sent).is_ok()
            }
            _ => false,
        };
        self.history.moved |= landed && write.moves_traffic();
        let event = match fate {
            Fate::Arrives if landed => return self.confirmed(&sent.change, write, stamp, serial, at),
            Fate::Arrives | Fate::Refused | Fate::Hopeless => {
                let (conflict, retryable) = (fate == Fate::Arrives, fate == Fate::Refused);
                Event::Refused { write, object: name, stamp, error, conflict, retryable }
            }
            Fate::Lost | Fate::Unheard | Fate::InFlight => {
                if fate == Fate::InFlight {
                    self.world.in_flight.push(sent);
                }
                self.now += TICK;
                Event::Unsure { write, object: name, stamp, error }
            }
        };
        self.process.view.route_stirred |= write.on() == On::Route;
        self.history.failed_on(write.on());
        self.history.refused |= fate == Fate::Hopeless;
        self.fold(&event)
    }

    pub(crate) fn confirmed(
        &mut self,
        change: &Change,
        write: Write,
        stamp: Stamp,
        serial: u64,
        at: Timestamp,
    ) -> Result<(), Broken> {
        match change {
            Change::Route { expect, .. } => {
                let object = expect.name.clone();
                let left = self.world.route.iter().find(|left| left.name == object).cloned();
                let complete = left.is_some_and(|left| self.process.route_replied(write, left, serial, at));
                self.fold(&Event::Wrote { write, object, stamp, complete })
            }
            Change::Color { expect, .. } => {
                self.process.saw_color(self.world.color(expect.color).clone(), serial, at);
                self.history.read(write.on(), &self.world);
                self.fold(&Event::Wrote { write, object: expect.object.clone(), stamp, complete: true })
            }
        }
    }

    /// A write that nobody waits for any more arrives.
    pub(crate) fn land(&mut self, index: usize) -> Result<(), Broken> {
        let sent = self.world.in_flight.remove(index);
        laws::of_landing(&self.world, &sent)?;
        let landed = self.world.land(&sent).is_ok();
        self.history.moved |= landed && sent.write.moves_traffic();
        Ok(())
    }
}
