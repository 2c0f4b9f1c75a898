//! A moment at which something can happen, and what follows from it.

use bluegreen_core::engine::{Decide, Decision, IllegalEvent, Then};
use bluegreen_core::{Color, End, Event, Holder, Stage};
use jiff::Timestamp;

use crate::history::History;
use crate::laws;
use crate::moves::{Downtime, Fate, Move};
use crate::process::Process;
use crate::setup::{LONG, Setup};
use crate::time::TICK;
use crate::world::{Server, World};

/// So many decisions in a row that ask for nothing are one too many.
const MOST_DECISIONS: u32 = 50;

/// The rollout, the world, and what the engine asks for now.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) now: Timestamp,
    pub(crate) process: Process,
    pub(crate) world: World,
    pub(crate) history: History,
    pub(crate) stage: Stage,
    pub(crate) then: Then,
    /// How many disturbances may still happen.
    pub(crate) left: u8,
}

/// Whoever else raises.
pub(crate) fn stranger() -> Holder {
    Holder::new(999)
}

/// A law is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

impl From<IllegalEvent> for Broken {
    fn from(error: IllegalEvent) -> Self {
        Self(format!("the state refuses a record: {error}"))
    }
}

/// What follows.
pub(crate) enum Next {
    Node(Box<Node>),
    /// The rollout is over; without an end if it left nothing in its journal.
    Over(Box<Node>, Option<End>),
}

impl Node {
    pub(crate) fn begin(setup: &Setup, engine: &dyn Decide, left: u8) -> Result<Self, Broken> {
        let now = Timestamp::UNIX_EPOCH;
        let world = setup.world.clone();
        let process = Process::begin(setup.started.clone(), &world, now)?;
        let mut history = History { processes: 1, ..History::default() };
        history.surveyed(&world);
        history.turned = process.is_rolling_back().then_some(left);
        history.moved = process.is_rolling_back();
        let mut node = Self { now, process, world, history, stage: Stage::Preflight, then: Then::Again, left };
        node.decide(engine)?;
        Ok(node)
    }

    /// What follows when `happens` does.
    pub(crate) fn after(&self, happens: Move, engine: &dyn Decide) -> Result<Next, Broken> {
        let mut node = self.clone();
        if !happens.is_free() {
            node.left = node.left.saturating_sub(1);
            node.history.costly |= !happens.is_harmless(self);
        }
        let over = node.perform(happens)?;
        if let Some(end) = over {
            return Ok(Next::Over(Box::new(node), end));
        }
        node.decide(engine)?;
        Ok(Next::Node(Box::new(node)))
    }

    /// Asks the engine until it wants something.
    fn decide(&mut self, engine: &dyn Decide) -> Result<(), Broken> {
        for _ in 0..MOST_DECISIONS {
            let Decision { stage, record, then } = engine.next(self.process.state(), &self.process.view, self.now);
            self.stage = stage;
            for event in record {
                self.fold(&event)?;
            }
            self.then = then;
            if self.then != Then::Again {
                return laws::of_decisions(self);
            }
        }
        Err(Broken(format!("it decides for ever, in {}", self.stage)))
    }

    pub(crate) fn fold(&mut self, event: &Event) -> Result<(), Broken> {
        laws::of_events(self, event)?;
        self.process.fold(self.now, self.stage, event.clone())?;
        self.history.took_in(event, self.process.state(), self.left);
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> bool {
        let flushed = self.process.flush();
        self.note_saved();
        flushed
    }

    pub(crate) fn flush_if_due(&mut self) {
        self.process.flush_if_due(self.now);
        self.note_saved();
    }

    pub(crate) fn note_saved(&mut self) {
        if let Some(journal) = self.process.durable.clone() {
            self.history.saved(&journal);
        }
    }

    /// Whether a watch has something to tell.
    pub(crate) fn has_news(&self) -> bool {
        let colors = Color::ALL.into_iter().any(|color| self.process.is_stale(&self.world, color));
        colors || self.process.is_route_stale(&self.world)
    }

    fn perform(&mut self, happens: Move) -> Result<Option<Option<End>>, Broken> {
        match happens {
            Move::Goes => return self.go(),
            Move::Lands(index) => self.land(index)?,
            Move::Crash(crash, downtime) => return self.crash(crash, downtime),
            Move::Read(fault) => self.read(Some(fault)),
            Move::Write(fate) => self.write(fate)?,
            Move::Server(server) => {
                self.world.server = server;
                return self.go();
            }
            Move::WatchIsLate => {
                self.flush_if_due();
                self.pass_time(Some(self.now + TICK))?;
            }
            Move::Asked(ask) => self.asked(ask)?,
            Move::StaysPaused => {
                self.flush_if_due();
                self.now += LONG;
            }
            Move::Edited(object, edit) => self.edited(object, edit),
            Move::Taken { same_rollout } => self.taken(same_rollout),
            Move::Pods(color, pods) => self.pods(color, pods),
            Move::Check(fault) => self.check_goes_wrong(fault)?,
            Move::Measures(source, measured, lasting) => self.measures(source, measured, lasting)?,
            Move::JournalIsLost => {
                self.process.journal_lost = true;
                self.history.forgetful = true;
            }
        }
        Ok(None)
    }

    /// What was asked for is done.
    fn go(&mut self) -> Result<Option<Option<End>>, Broken> {
        match self.then.clone() {
            Then::Again => {}
            Then::Read(_) => self.read(None),
            Then::Write { .. } => {
                let fate = match self.world.server {
                    Server::Works => Fate::Arrives,
                    Server::Refuses => Fate::Refused,
                    Server::Silent => Fate::Lost,
                };
                self.write(fate)?;
            }
            Then::Run { .. } | Then::Wait { .. } => {
                self.flush_if_due();
                if !self.hear() {
                    self.pass_time(None)?;
                }
            }
            Then::Done(end) => {
                if !self.flush() {
                    // The program ends without having told the journal; somebody recovers the rollout.
                    self.process.journal_lost = false;
                    return self.recover(Downtime::None);
                }
                return Ok(Some(Some(end)));
            }
        }
        Ok(None)
    }
}
