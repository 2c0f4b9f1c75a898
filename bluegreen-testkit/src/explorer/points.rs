//! Where what can go wrong.

use std::time::Duration;

use bluegreen_core::Color;

use super::script::{Ask, Mishap, Revival};
use crate::world::{Call, Fault};

/// Of each read, so many calls stand for all: a watch looks at the world again and again.
const READS: usize = 12;

const SECOND: Duration = Duration::from_secs(1);

/// What can go wrong with a call that changes something.
const WRITE_FAULTS: [Fault; 13] = [
    Fault::Error,
    Fault::ErrorAfterEffect,
    Fault::TimeoutWithoutEffect,
    Fault::TimeoutWithEffect,
    Fault::LateByCalls(1),
    Fault::LateByCalls(2),
    Fault::LateByCalls(4),
    Fault::LateByCalls(9),
    Fault::LateEffect(SECOND.saturating_mul(5)),
    Fault::LateEffect(SECOND.saturating_mul(100)),
    Fault::Repeated,
    Fault::Slow(SECOND.saturating_mul(3)),
    Fault::Hang,
];

/// What can go wrong with a call that only looks.
const READ_FAULTS: [Fault; 4] =
    [Fault::Error, Fault::TimeoutWithoutEffect, Fault::Slow(SECOND.saturating_mul(3)), Fault::Hang];

/// How a program can die while it changes something.
const WRITE_DEATHS: [Fault; 6] = [
    Fault::Crash,
    Fault::CrashAfterEffect,
    Fault::CrashLateByCalls(2),
    Fault::CrashLateByCalls(5),
    Fault::CrashLateByCalls(10),
    Fault::CrashLateEffect(SECOND.saturating_mul(30)),
];

/// What can go wrong with an append.
const APPEND_FAULTS: [Fault; 6] = [
    Fault::Error,
    Fault::ErrorAfterEffect,
    Fault::TimeoutWithEffect,
    Fault::LateByCalls(2),
    Fault::Slow(SECOND.saturating_mul(3)),
    Fault::Hang,
];

/// How a program can die while it appends.
const APPEND_DEATHS: [Fault; 4] = [Fault::Crash, Fault::CrashAfterEffect, Fault::CrashLateByCalls(3), Fault::Torn];

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Append,
}

impl Kind {
    pub(super) fn of(call: &Call) -> Self {
        match call.name {
            "journal.append" => Self::Append,
            "router.write"
            | "router.prepare_preview"
            | "environment.deploy"
            | "environment.scale"
            | "environment.seal"
            | "environment.pin_capacity"
            | "environment.restore"
            | "migrations.run"
            | "drainer.begin"
            | "drainer.cancel" => Self::Write,
            _ => Self::Read,
        }
    }
}

/// Everything that can go wrong at each of the `calls` after the one with the number `after`.
pub(super) fn all(calls: &[Call], after: u64, old: Color) -> Vec<(u64, Mishap)> {
    let mut points = Vec::new();
    let mut reads = std::collections::BTreeMap::<_, usize>::new();
    for call in calls.iter().filter(|call| call.number > after) {
        let mut add = |mishap| points.push((call.number, mishap));
        match Kind::of(call) {
            Kind::Read => {
                let seen = reads.entry(call.name).or_default();
                *seen += 1;
                if *seen <= READS {
                    READ_FAULTS.into_iter().map(Mishap::Fault).for_each(&mut add);
                    add(Mishap::Death(Fault::Crash, Revival::Soon));
                }
            }
            Kind::Write => {
                WRITE_FAULTS.into_iter().map(Mishap::Fault).for_each(&mut add);
                WRITE_DEATHS.into_iter().map(|fault| Mishap::Death(fault, Revival::Soon)).for_each(&mut add);
                add(Mishap::Death(Fault::CrashLateByCalls(6), Revival::Twice));
                add(Mishap::Death(Fault::CrashLateEffect(SECOND), Revival::Late));
            }
            Kind::Append => {
                APPEND_FAULTS.into_iter().map(Mishap::Fault).for_each(&mut add);
                APPEND_DEATHS.into_iter().map(|fault| Mishap::Death(fault, Revival::Soon)).for_each(&mut add);
                boundary(old).for_each(&mut add);
            }
        }
    }
    points
}

/// What can happen between two steps of a rollout, which is where it appends.
fn boundary(old: Color) -> impl Iterator<Item = Mishap> {
    let deaths = [Revival::Late, Revival::Twice].map(|revival| Mishap::Death(Fault::CrashAfterEffect, revival));
    let asks = [Ask::Abort, Ask::RollBack, Ask::Pause].map(Mishap::Ask);
    let colors = [old, old.other()];
    let edits = colors.into_iter().flat_map(|color| [Mishap::EditRoute(color), Mishap::ReplaceRoute(color)]);
    let kills = colors.map(Mishap::KillPods);
    deaths.into_iter().chain(asks).chain(edits).chain([Mishap::RemoveKey]).chain(kills)
}

/// Of what can go wrong, what leaves something behind that a second mishap can meet.
pub(super) const fn is_sharp(mishap: Mishap) -> bool {
    match mishap {
        Mishap::Fault(fault) => !matches!(fault, Fault::Slow(_) | Fault::Hang | Fault::Error),
        _ => true,
    }
}
