//! Mistakes, planted one at a time into a backend or into what decides: the explorer finds each of them.

mod backends;
mod deciders;

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Placement, Watch};
use bluegreen_core::{Color, End, Measure, RolloutBuilder, Verdict};
use bluegreen_testkit::fake::ScriptedProbe;
use bluegreen_testkit::{Behavior, Explorer, Incident, Violation, World};

use self::backends::{
    BadRouter, CallsSilencePass, ForgetsStamps, IgnoresItsErrors, PassesWhatIsCancelled, RouterBug, RunsAgain,
};
use self::deciders::Bent;
use crate::plans::{impatient, long, minutes, plain};

type Rollouts = fn(&World) -> RolloutBuilder;

/// A planted bug, and the explorer that is to find it.
struct Bug {
    name: &'static str,
    explorer: Explorer<Rollouts>,
}

fn bug(name: &'static str, rollouts: Rollouts) -> Bug {
    Bug { name, explorer: Explorer::new(World::builder(), rollouts).triples(0) }
}

impl Bug {
    /// In worlds that begin like this.
    fn when(mut self, begin: fn(&World)) -> Self {
        self.explorer = self.explorer.begin(begin);
        self
    }

    /// With no second rollout after the first.
    fn alone(mut self) -> Self {
        self.explorer = self.explorer.without_sequel();
        self
    }

    /// Where no rollout may end promoted.
    fn never_promoted(mut self) -> Self {
        self.explorer = self.explorer.expect(|end| !matches!(end, End::Promoted { .. }));
        self.alone()
    }
}

fn not_promoted_in(world: fn(&World), name: &'static str, rollouts: Rollouts) -> Bug {
    bug(name, rollouts).when(world).never_promoted()
}

fn with_signal(world: &World) -> Watch {
    Watch::lasting(minutes(1))
        .interval(Duration::from_secs(10))
        .signal(CallsSilencePass(world.signal("errors")), Criterion::error_rate(0.05, 1))
}

fn bugs() -> Vec<Bug> {
    vec![
        bug("switch before ready", |world| plain(world).decider(Bent::SWITCHES_EARLY)),
        bug("scale down before the proof", |world| plain(world).decider(Bent::RETIRES_EARLY)),
        bug("take down before traffic has returned", |world| plain(world).decider(Bent::TAKES_DOWN_EARLY))
            .when(|world| world.behaves("v2", Behavior::crashing_after(Duration::from_secs(30)))),
        bug("a write without its stamp", |world| plain(world).environment(ForgetsStamps(world.environment()))),
        bug("a route write without the seal before it", |world| plain(world).decider(Bent::NEVER_SEALS)),
        bug("capacity taken without a new look at the route", |world| plain(world).decider(Bent::TRUSTS_OLD_LOOKS)),
        bug("blind replay on resume", |world| plain(world).decider(Bent::REPLAYS_BLINDLY)),
        bug("time-out read as failure", |world| {
            impatient(world).router(BadRouter::new(world.router(), RouterBug::NeverUnsure))
        }),
        bug("skipped undo of the step that failed", |world| impatient(world).decider(Bent::FORGETS_DOUBTS)),
        bug("deadline that restarts on resume", |world| long(world).decider(Bent::restarting_deadlines())),
        not_promoted_in(
            |world| world.behaves("v2", Behavior::unready_after(Duration::from_secs(30))),
            "rollback that needs the new color healthy",
            |world| plain(world).decider(Bent::WAITS_FOR_THE_SICK),
        ),
        bug("migration run again on resume", |world| {
            let migrations = RunsAgain(world.migrations());
            plain(world).migrations(migrations, Placement::BeforeDeploy).decider(Bent::MIGRATES_AGAIN)
        })
        .alone(),
        not_promoted_in(
            |world| world.signal_returns("errors", Measure::NoData { why: "the source is down".to_owned() }),
            "no data as pass",
            |world| plain(world).watch(with_signal(world)),
        ),
        not_promoted_in(
            |_| (),
            "cancelled check as pass",
            |world| plain(world).smoke(PassesWhatIsCancelled(ScriptedProbe::new([Verdict::Cancelled]))),
        ),
        bug("unfenced switch", |world| plain(world).router(BadRouter::new(world.router(), RouterBug::Unfenced))),
        bug("foreign edit overwritten", |world| {
            plain(world).router(BadRouter::new(world.router(), RouterBug::Overwrites))
        }),
        bug("stale read of the route", |world| {
            plain(world).router(BadRouter::new(world.router(), RouterBug::ReadsOnce))
        }),
        bug("journal append error ignored", |world| plain(world).journal(IgnoresItsErrors(world.journal()))),
        not_promoted_in(
            |world| {
                let shrink = Incident::Scale { color: Color::Blue, replicas: 1 };
                world.happens_at(Duration::from_secs(30), shrink);
            },
            "shrunk old color accepted by the guard",
            |world| plain(world).decider(Bent::EASY_GUARD),
        ),
    ]
}

/// What the table says of a bug.
fn row(name: &str, found: &Violation) -> String {
    let problem = found.problems.first().map_or("", String::as_str);
    let problem: String = problem.chars().take(90).collect();
    format!("{name:<48} {:>5}  {:<44} {problem}", found.runs, found.script.to_string())
}

#[test]
fn the_explorer_finds_every_planted_bug() {
    let bugs = bugs();
    let mut missed = Vec::new();
    println!("{:<48} {:>5}  {:<44} what it saw", "bug", "run", "mishaps");
    for Bug { name, explorer } in &bugs {
        match explorer.explore() {
            Err(violation) => println!("{}", row(name, &violation)),
            Ok(coverage) => missed.push(format!("{name}: {coverage}")),
        }
    }
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    assert!(bugs.len() >= 15);
}
