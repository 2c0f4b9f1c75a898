//! What people and other systems do, and what becomes of a process that dies.

use bluegreen_core::engine::{Activity, Then};
use bluegreen_core::{Color, End, Event, Holder, Request, RolloutId, RouteMark, RouteState, Stamp};

use crate::moves::{Ask, Crash, Downtime, Edit, Fate, Pods};
use crate::node::{Broken, Node, stranger};
use crate::process::Process;
use crate::setup::LONG;

impl Node {
    pub(crate) fn asked(&mut self, ask: Ask) -> Result<(), Broken> {
        self.flush_if_due();
        let reason = String::new();
        self.ask(match ask {
            Ask::Pause => Request::Pause,
            Ask::Approve => Request::Approve { reason },
            Ask::TurnBack => Request::Abort { reason },
            Ask::TurnBackByForce => Request::RollBack { reason, force: true },
        })
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<(), Broken> {
        self.fold(&Event::Asked { request, by: String::new() })?;
        if !self.process.is_rolling_back() {
            self.flush();
        }
        Ok(())
    }

    pub(crate) fn edited(&mut self, object: usize, edit: Edit) {
        self.world.edits += 1;
        self.world.change_route(object, |object| match edit {
            Edit::ToOtherColor => {
                if let RouteState::Routes(split) = object.state {
                    let (blue, green) = (split.green, split.blue);
                    object.state = RouteState::Routes(bluegreen_core::Split { blue, green });
                }
            }
            Edit::KeyRemoved => object.state = RouteState::Foreign("no key".to_owned()),
            Edit::MarkRemoved => object.mark = None,
        });
    }

    pub(crate) fn taken(&mut self, same_rollout: bool) {
        self.world.taken = true;
        let split = self.world.observe_route().split;
        let rollout =
            if same_rollout { self.process.state().rollout.clone() } else { RolloutId::from("another".to_owned()) };
        let origin = self.process.state().origin();
        for index in 0..self.world.route.len() {
            let (rollout, stamp) = (rollout.clone(), Stamp { epoch: 9, seq: 1, holder: stranger() });
            self.world.change_route(index, |object| {
                let split = split.unwrap_or(bluegreen_core::Split::only(origin));
                object.mark = Some(RouteMark { stamp, split, rollout, origin, ended: false });
            });
        }
    }

    pub(crate) fn pods(&mut self, color: Color, pods: Pods) {
        self.world.change_color(color, |slot| {
            let seen = &mut slot.seen;
            match pods {
                Pods::Die => {
                    slot.broken = true;
                    seen.ready = 0;
                }
                Pods::Flicker => seen.ready = 0,
                Pods::Restart => seen.restarts += 3,
                Pods::Shrink => {
                    seen.desired = 1;
                    seen.ready = 1;
                }
                Pods::Grow => {
                    slot.touched += 1;
                    seen.desired += 1;
                    seen.ready = seen.desired;
                }
                Pods::Redeployed => {
                    slot.touched += 1;
                    seen.release = None;
                }
                Pods::Deleted => {
                    slot.touched += 1;
                    (seen.exists, seen.desired, seen.ready) = (false, 0, 0);
                    (seen.stamp, seen.release) = (None, None);
                }
            }
        });
    }

    pub(crate) fn crash(&mut self, crash: Crash, downtime: Downtime) -> Result<Option<Option<End>>, Broken> {
        match crash {
            Crash::Unsaved => {}
            Crash::Saved => self.flush_if_due(),
            Crash::Done => {
                self.flush_if_due();
                if let Then::Run { activity, .. } = self.then.clone() {
                    if let Activity::Migrate { resumed } = activity {
                        self.send_migration(resumed)?;
                    }
                    self.take_effect(&activity);
                }
            }
            Crash::Unsent | Crash::Landed | Crash::InFlight => {
                let fate = match crash {
                    Crash::Landed => Fate::Unheard,
                    Crash::InFlight => Fate::InFlight,
                    _ => Fate::Lost,
                };
                let now = self.now;
                self.write(fate)?;
                self.now = now;
            }
        }
        self.recover(downtime)
    }

    /// Another process goes on with what is in the journal.
    pub(crate) fn recover(&mut self, downtime: Downtime) -> Result<Option<Option<End>>, Broken> {
        let Some(journal) = self.process.durable.clone() else {
            return Ok(Some(None));
        };
        if let Some(end) = &journal.end {
            return Ok(Some(Some(end.clone())));
        }
        if downtime == Downtime::PastAllDeadlines {
            self.now += LONG;
            self.hear();
        }
        self.history.processes += 1;
        let holder = Holder::new(self.history.processes);
        self.process = Process::recover(&journal, &self.world, self.now, &holder)?;
        self.history.surveyed(&self.world);
        Ok(None)
    }
}
