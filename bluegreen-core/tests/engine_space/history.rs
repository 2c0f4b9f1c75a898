//! What really happened, whatever the process remembers of it: the laws are judged by this.

use bluegreen_core::engine::State;
use bluegreen_core::{Check, Event, Measure, On, Sample, Verdict};
use jiff::Timestamp;

use crate::world::{Knowledge, World};

/// More measurements than this make no difference.
const ENOUGH: u8 = 3;

#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// What the process knew of others' changes when it last looked.
    pub(crate) knew: Knowledge,
    /// What has to be read before anything is decided: writes on it failed.
    pub(crate) unread: Vec<On>,
    /// Whether a write that moves traffic ever took effect.
    pub(crate) moved: bool,
    /// Whether a watch passed.
    pub(crate) proven: bool,
    /// Whether what was measured speaks against the new release.
    pub(crate) condemned: bool,
    /// Measurements with data since data planes have settled, by source.
    pub(crate) data: Vec<(String, u8)>,
    /// How many disturbances were left when it was decided to roll back.
    pub(crate) turned: Option<u8>,
    /// Whether a journal was lost, so that the process knows less than happened.
    pub(crate) forgetful: bool,
    /// Whether a write was refused for good.
    pub(crate) refused: bool,
    /// Whether something happened that may cost the rollout.
    pub(crate) costly: bool,
    /// The migration was sent by this process.
    pub(crate) migration_sent_by: Option<u64>,
    /// How many processes there were.
    pub(crate) processes: u64,
    /// When deadlines began to count, by the journal, and by the first record of them.
    pub(crate) since: Since,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Since {
    pub(crate) approval: Option<Timestamp>,
    pub(crate) switched: Option<Timestamp>,
    pub(crate) settled: Option<Timestamp>,
    pub(crate) confirming_until: Option<Timestamp>,
}

impl History {
    /// The process looked at everything.
    pub(crate) fn surveyed(&mut self, world: &World) {
        self.unread.clear();
        self.read(On::Route, world);
        bluegreen_core::Color::ALL.into_iter().for_each(|color| self.read(On::Color(color), world));
    }

    pub(crate) fn read(&mut self, on: On, world: &World) {
        self.unread.retain(|unread| *unread != on);
        match on {
            On::Route => self.knew.edits = world.edits,
            On::Color(color) => *self.knew.touched.get_mut(color) = world.knowledge_of_touches(color),
        }
    }

    pub(crate) fn failed_on(&mut self, on: On) {
        if !self.unread.contains(&on) {
            self.unread.push(on);
        }
    }

    /// Deadlines count from what is durable.
    pub(crate) fn saved(&mut self, journal: &State) {
        let since = &mut self.since;
        since.approval = since.approval.or(journal.begun.get(&Check::Approval).copied());
        since.switched = since.switched.or(journal.switched);
        since.settled = since.settled.or(journal.passed.get(&Check::Settled).copied());
        since.confirming_until = since.confirming_until.or(journal.watch.confirming.map(|(_, until)| until));
    }

    pub(crate) fn took_in(&mut self, event: &Event, after: &State, left: u8) {
        match event {
            Event::Sampled(sample) => self.measured(sample, after),
            Event::Judged { verdict: Verdict::Pass, .. } => self.proven = true,
            Event::Judged { .. } => self.condemned = true,
            _ => {}
        }
        if matches!(after.ending, Some((bluegreen_core::Ending::RollBack { .. }, _))) {
            self.turned.get_or_insert(left);
        }
    }

    fn measured(&mut self, sample: &Sample, after: &State) {
        let has_data = !matches!(sample.measure, Measure::NoData { .. });
        if !has_data || !after.passed.contains_key(&Check::Settled) {
            return;
        }
        match self.data.iter_mut().find(|(source, _)| *source == sample.source) {
            Some((_, count)) => *count = (*count + 1).min(ENOUGH),
            None => self.data.push((sample.source.clone(), 1)),
        }
    }

    pub(crate) fn data_of(&self, source: &str) -> u8 {
        self.data.iter().find(|(name, _)| name == source).map_or(0, |(_, count)| *count)
    }
}
