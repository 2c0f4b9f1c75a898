//! One run: a rollout in a world of its own, with what the script lets go wrong, until it has ended.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluegreen_core::{End, Event, Handle, Journal, Outcome, Record, Release, RolloutBuilder, RunError};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, sleep_until};

use super::script::{Ask, Mishap, Revival, Script};
use crate::world::World;

/// A rollout that was taken up so often and still hasn't ended never will.
const MOST_LIVES: u32 = 20;
/// Between the death of a program and the next one.
const SOON: Duration = Duration::from_secs(1);
/// How long a pause lasts.
const PAUSE: Duration = Duration::from_secs(300);

/// One run while it goes on.
pub(super) struct Run<'a, R> {
    pub(super) world: World,
    pub(super) rollout: &'a R,
    pub(super) release: Release,
    script: &'a Script,
    asks: Mutex<VecDeque<(u64, Ask)>>,
    /// When a pause ends.
    resume: Mutex<Option<Instant>>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The rollout did.
    Ended(End),
    /// It wasn't begun, or not gone on with, because the world isn't as it has to be.
    Refused(String),
    /// It can't have an end any more, or an end like this.
    Broken(String),
}

/// What became of a rollout in the hands of one program.
enum Life {
    Ended(Outcome),
    Failed(RunError),
    Died,
}

impl<'a, R: Fn(&World) -> RolloutBuilder + Sync> Run<'a, R> {
    pub(super) fn new(world: World, rollout: &'a R, release: Release, script: &'a Script) -> Self {
        let mut asks = VecDeque::new();
        for (call, mishap) in &script.steps {
            if let Some(fault) = mishap.fault() {
                world.fail_call(*call, fault);
            }
            if let Some(incident) = mishap.incident() {
                world.happens_at_call(*call, incident);
            }
            if let Mishap::Ask(ask) = mishap {
                asks.push_back((*call, *ask));
            }
        }
        Self { world, rollout, release, script, asks: Mutex::new(asks), resume: Mutex::new(None) }
    }

    /// The records of the last rollout.
    pub(super) async fn records(&self) -> Vec<Record> {
        let Ok(rollout) = (self.rollout)(&self.world).build() else { return Vec::new() };
        let (journal, target) = (self.world.journal(), &rollout.spec().target);
        let Some(id) = journal.rollouts(target).await.ok().and_then(|mut all| all.pop()) else { return Vec::new() };
        journal.load(target, &id).await.map(|log| log.records).unwrap_or_default()
    }

    /// Lets programs take it up until it has ended.
    pub(super) async fn perform(&self) -> Ending {
        let mut world = self.world.clone();
        for _ in 0..MOST_LIVES {
            let records = self.records().await;
            if let Some(Event::Ended(end)) = records.last().map(|record| &record.event) {
                return Ending::Ended(end.clone());
            }
            let life = self.live(&world, !records.is_empty()).await;
            let revival = match life {
                Life::Ended(outcome) => return ended(&outcome),
                Life::Died => self.revival(),
                Life::Failed(
                    RunError::Backend(_) | RunError::Journal(_) | RunError::Unreachable { .. } | RunError::Open { .. },
                ) => Revival::Soon,
                Life::Failed(error @ (RunError::Ambiguous { .. } | RunError::Plan(_) | RunError::Held { .. })) => {
                    return Ending::Refused(error.to_string());
                }
                Life::Failed(error) => return Ending::Broken(error.to_string()),
            };
            if revival == Revival::Late {
                sleep(self.every_deadline()).await;
            }
            sleep(SOON).await;
            world = self.world.another_program();
            if revival == Revival::Twice
                && let Some(ending) = self.both(&world, &self.world.another_program()).await
            {
                return ending;
            }
        }
        Ending::Broken(format!("it was taken up {MOST_LIVES} times and has not ended"))
    }

    /// Two programs go on at once: one of them ends it, and the other notices.
    async fn both(&self, one: &World, other: &World) -> Option<Ending> {
        let begun = !self.records().await.is_empty();
        let (one, other) = tokio::join!(self.live(one, begun), self.live(other, begun));
        let ends: Vec<_> = [one, other]
            .into_iter()
            .filter_map(|life| match life {
                Life::Ended(outcome) => Some(outcome),
                Life::Failed(_) | Life::Died => None,
            })
            .collect();
        ends.iter().find(|outcome| !outcome.is_superseded()).or(ends.first()).map(ended)
    }

    /// One program performs it, until it has ended, or the program has.
    async fn live(&self, world: &World, begun: bool) -> Life {
        let rollout = match (self.rollout)(world).build() {
            Ok(rollout) => rollout,
            Err(error) => return Life::Failed(error.into()),
        };
        let start = async { if begun { rollout.recover().await } else { rollout.start(self.release.clone()).await } };
        let handle = tokio::select! {
            biased;
            () = world.died() => return Life::Died,
            started = start => match started {
                Ok(handle) => handle,
                Err(error) => return Life::Failed(error),
            },
        };
        tokio::select! {
            biased;
            () = world.died() => Life::Died,
            ended = self.attend(world, handle) => ended.map_or_else(Life::Failed, Life::Ended),
        }
    }

    /// Waits for the end, and asks meanwhile what is to be asked.
    async fn attend(&self, world: &World, mut handle: Handle) -> Result<Outcome, RunError> {
        if self.next_ask().is_some() || lock(&self.resume).is_some() {
            let mut updates = handle.events();
            let over = async { while updates.next().await.is_some() {} };
            tokio::select! {
                () = over => {}
                () = self.ask_all(world, &handle) => {}
            }
        }
        handle.wait().await
    }

    async fn ask_all(&self, world: &World, handle: &Handle) {
        loop {
            let (ask, resume) = (self.next_ask(), *lock(&self.resume));
            let asked = async {
                match ask {
                    Some((call, ask)) => {
                        world.reached(call).await;
                        ask
                    }
                    None => pending().await,
                }
            };
            let resumed = async {
                match resume {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            // A request may be refused, which is an answer, too.
            let _ = tokio::select! {
                biased;
                () = resumed => {
                    let answer = handle.resume().await;
                    if answer.is_err() {
                        // Its program is gone; the next one is asked again.
                        return pending().await;
                    }
                    *lock(&self.resume) = None;
                    answer
                }
                ask = asked => {
                    lock(&self.asks).pop_front();
                    match ask {
                        Ask::Abort => handle.abort("the test asks for it").await,
                        Ask::RollBack => handle.roll_back("the test asks for it").await,
                        Ask::Pause => {
                            *lock(&self.resume) = Some(Instant::now() + PAUSE);
                            handle.pause().await
                        }
                    }
                }
            };
        }
    }

    fn next_ask(&self) -> Option<(u64, Ask)> {
        lock(&self.asks).front().copied()
    }

    /// How the script has the rollout gone on with after the last death.
    fn revival(&self) -> Revival {
        let made = self.world.calls().len() as u64;
        let deaths = self.script.steps.iter().filter(|(call, _)| *call <= made);
        let last = deaths.filter_map(|(call, mishap)| match mishap {
            Mishap::Death(_, revival) => Some((*call, *revival)),
            _ => None,
        });
        last.max().map_or(Revival::Soon, |(_, revival)| revival)
    }

    /// Longer than anything in the plan may take.
    fn every_deadline(&self) -> Duration {
        let Ok(rollout) = (self.rollout)(&self.world).build() else { return Duration::ZERO };
        let spec = rollout.spec();
        let watch = spec.watch.as_ref().map_or(Duration::ZERO, |watch| watch.duration);
        watch + spec.ready_deadline + spec.converge_deadline + spec.settle + spec.drain
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended(outcome: &Outcome) -> Ending {
    match &outcome.report().end {
        Some(end) => Ending::Ended(end.clone()),
        None => Ending::Broken("it returned an outcome whose report has no end".to_owned()),
    }
}
