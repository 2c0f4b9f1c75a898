//! Engines with a mistake: the right one, with what it sees or what it says bent.

use std::sync::Mutex;
use std::time::Duration;

use bluegreen_core::engine::{Activity, Decide, Decision, Engine, State, Then, View};
use bluegreen_core::{Check, Ending, PerColor, Stage, Write};
use jiff::Timestamp;

/// The right engine, bent.
#[derive(Debug)]
pub(crate) struct Bent {
    /// Bends what it sees.
    sees: fn(&mut State, &mut View, Timestamp, &Mutex<Option<Timestamp>>),
    /// Bends what it says.
    says: fn(Decision, &State, &View, Timestamp) -> Decision,
    /// When this process began to decide.
    began: Mutex<Option<Timestamp>>,
}

impl Decide for Bent {
    fn next(&self, state: &State, view: &View, now: Timestamp) -> Decision {
        let (mut state, mut view) = (state.clone(), view.clone());
        (self.sees)(&mut state, &mut view, now, &self.began);
        (self.says)(Engine.next(&state, &view, now), &state, &view, now)
    }
}

const fn seeing(sees: fn(&mut State, &mut View, Timestamp, &Mutex<Option<Timestamp>>)) -> Bent {
    Bent { sees, says: |decision, _, _, _| decision, began: Mutex::new(None) }
}

const fn saying(says: fn(Decision, &State, &View, Timestamp) -> Decision) -> Bent {
    Bent { sees: |_, _, _, _| (), says, began: Mutex::new(None) }
}

fn write(stage: Stage, write: Write) -> Decision {
    Decision { stage, record: Vec::new(), then: Then::Write { write, object: None, replicas: 0 } }
}

#[allow(clippy::declare_interior_mutable_const, reason = "each use is an engine of its own")]
impl Bent {
    pub(crate) const SWITCHES_EARLY: Self = saying(|decision, _, _, _| match decision.then {
        Then::Wait { .. } if decision.stage == Stage::Ready => write(Stage::Switch, Write::Switch),
        _ => decision,
    });

    pub(crate) const RETIRES_EARLY: Self = saying(|decision, state, view, _| {
        let up = view.heard(state.started.old).is_some_and(|old| old.desired > 0);
        match decision.then {
            Then::Wait { .. } | Then::Run { .. } if decision.stage == Stage::Watch && up => {
                write(Stage::Watch, Write::TakeDown(state.started.old))
            }
            _ => decision,
        }
    });

    pub(crate) const TAKES_DOWN_EARLY: Self = saying(|decision, state, view, _| {
        let up = view.heard(state.started.new).is_some_and(|new| new.desired > 0);
        match &decision.then {
            Then::Run { activity: Activity::Converge { proves: Check::Returned, .. }, .. } if up => {
                write(Stage::RollBack, Write::TakeDown(state.started.new))
            }
            _ => decision,
        }
    });

    pub(crate) const NEVER_SEALS: Self =
        seeing(|state, _, _, _| state.holding.sealed = PerColor { blue: true, green: true });

    pub(crate) const TRUSTS_OLD_LOOKS: Self = seeing(|_, view, now, _| {
        view.route_stirred = false;
        if let Some(route) = &mut view.route {
            (route.serial, route.at) = (u64::MAX, now);
        }
    });

    pub(crate) const REPLAYS_BLINDLY: Self = saying(|decision, state, _, _| {
        let resumed = state.is_recovered() && state.holding.raised.is_empty();
        if resumed && state.switched.is_none() && state.ending.is_none() && state.deploys > 0 {
            return write(Stage::Switch, Write::Switch);
        }
        decision
    });

    pub(crate) const FORGETS_DOUBTS: Self = seeing(|state, _, _, _| state.doubts.clear());

    pub(crate) const WAITS_FOR_THE_SICK: Self = saying(|decision, state, view, now| {
        let sick = view.heard(state.started.new).is_none_or(|new| new.ready == 0);
        match (&decision.then, &state.ending) {
            (Then::Write { write: Write::SwitchBack, .. }, Some((Ending::RollBack { .. }, _))) if sick => {
                let until = now.saturating_add(Duration::from_secs(3600)).ok();
                let then = Then::Wait { what: "the new color to be healthy".to_owned(), until };
                Decision { stage: Stage::RollBack, record: Vec::new(), then }
            }
            _ => decision,
        }
    });

    pub(crate) const MIGRATES_AGAIN: Self = saying(|mut decision, _, _, _| {
        if let Then::Run { activity: Activity::Migrate { resumed }, .. } = &mut decision.then {
            *resumed = false;
        }
        decision
    });

    pub(crate) const EASY_GUARD: Self = seeing(|state, _, _, _| {
        if let Some(watch) = &mut state.started.plan.watch {
            watch.guard.min_ready_percent = 1;
        }
        state.watch.guard_lost = None;
    });

    pub(crate) fn restarting_deadlines() -> Self {
        seeing(|state, _, now, began| {
            let mut began = began.lock().unwrap();
            let began = *began.get_or_insert(now);
            if let Some(settled) = state.passed.get_mut(&Check::Settled).filter(|_| !state.predecessors.is_empty()) {
                *settled = began.max(*settled);
            }
        })
    }
}
