//! Each optional stage, alone and together with others.

use std::io::Write as _;
use std::time::Instant;

use bluegreen_core::engine::Engine;
use bluegreen_core::plan::{
    ApprovalSpec, CanaryStep, Criterion, Expiry, MigrationSpec, NoData, Placement, ProbeSpec, SignalSpec, WatchSpec,
};

use crate::search::explore;
use crate::setup::{Setup, described, watch};
use crate::time::ticks;

/// Explores a plan with at most `most` disturbances, and checks that no law is broken and that every end is reached.
fn check(name: &str, setup: &Setup, most: u8, ends: &[&str]) {
    let most = std::env::var("BLUEGREEN_ENGINE_DISTURBANCES").map_or(most, |most| most.parse().unwrap());
    let began = Instant::now();
    let found = explore(setup, &Engine, most, None);
    // Around the test harness, which would keep it to itself.
    let _ = writeln!(
        std::io::stderr(),
        "{name}, at most {most} disturbances: {} states, {} moves, {:.1} s; ends {:?}",
        found.states,
        found.moves,
        began.elapsed().as_secs_f64(),
        found.ends
    );
    for (law, story) in &found.broken {
        println!("BROKEN in {name}: {law}\n{story}");
    }
    assert!(found.broken.is_empty(), "{name}: {} laws are broken", found.broken.len());
    for end in ends {
        assert!(found.ends().contains(end), "{name} never ends as {end}, only as {:?}", found.ends);
    }
}

/// The ends of a plan without a watch.
const PLAIN: &[&str] = &["promoted", "aborted", "rolled back", "halted", "superseded"];
/// The ends of a plan with one.
const WATCHED: &[&str] = &["promoted, proven", "aborted", "rolled back", "halted", "superseded"];

#[test]
fn only_what_every_plan_has() {
    check("plain", &Setup::deploy(|_| {}), 2, PLAIN);
}

#[test]
fn first_rollout_on_a_route_without_marks() {
    check("first", &Setup::deploy(|_| {}).without_marks(), 1, PLAIN);
}

#[test]
fn first_deploy_beside_an_empty_color() {
    check("empty", &Setup::deploy(|_| {}).without_old_color(), 2, &["promoted", "aborted", "halted", "superseded"]);
}

#[test]
fn a_route_of_two_objects() {
    check("two objects", &Setup::deploy(|_| {}).with_two_objects(), 1, PLAIN);
}

#[test]
fn preflights() {
    check("preflights", &Setup::deploy(|plan| plan.preflights = vec![described("quota")]), 1, PLAIN);
}

#[test]
fn backup() {
    check("backup", &Setup::deploy(|plan| plan.backup = true), 1, PLAIN);
}

#[test]
fn migration_before_the_deploy() {
    check("migration before", &Setup::deploy(|plan| plan.migration = migration(Placement::BeforeDeploy)), 1, PLAIN);
}

#[test]
fn migration_after_the_deploy() {
    check("migration after", &Setup::deploy(|plan| plan.migration = migration(Placement::AfterDeploy)), 1, PLAIN);
}

#[test]
fn probes_before_the_switch() {
    let setup = Setup::deploy(|plan| {
        plan.smoke = vec![described("smoke")];
        plan.warm_up = vec![described("load")];
        plan.final_health = vec![described("health")];
    });
    check("probes", &setup, 1, PLAIN);
}

#[test]
fn canary_steps() {
    let setup = Setup::deploy(|plan| {
        plan.canary = [10, 50].map(|percent| CanaryStep { percent, hold: ticks(1) }).to_vec();
        plan.watch = Some(watch());
    });
    check("canary", &setup, 1, WATCHED);
}

#[test]
fn approval_that_expires_badly() {
    check("approval", &Setup::deploy(|plan| plan.approval = approval(Expiry::Abort)), 1, PLAIN);
}

#[test]
fn approval_that_expires_well() {
    check("approval, proceed", &Setup::deploy(|plan| plan.approval = approval(Expiry::Proceed)), 1, PLAIN);
}

#[test]
fn watch_of_pods_and_guard() {
    check("watch", &Setup::deploy(|plan| plan.watch = Some(watch())), 2, WATCHED);
}

#[test]
fn watch_with_a_probe_and_a_signal() {
    let setup = Setup::deploy(|plan| {
        let probes = vec![ProbeSpec { probe: described("probe"), consecutive: 2 }];
        plan.watch = Some(WatchSpec { probes, ..signal(NoData::Fail { after: 2 }) });
    });
    check("probe and signal", &setup, 1, WATCHED);
}

#[test]
fn watch_with_a_signal_that_may_be_silent() {
    let setup = Setup::deploy(|plan| plan.watch = Some(signal(NoData::Wait)));
    check("silent signal", &setup, 1, WATCHED);
}

#[test]
fn leaving_a_failed_color_up() {
    let setup = Setup::deploy(|plan| {
        plan.roll_back.take_down = false;
        plan.watch = Some(watch());
    });
    check("left up", &setup, 1, WATCHED);
}

#[test]
fn drain() {
    let setup = Setup::deploy(|plan| {
        plan.drainer = Some(described("drainer"));
        plan.watch = Some(watch());
    });
    check("drain", &setup, 1, WATCHED);
}

#[test]
fn autoscalers() {
    let setup = Setup::deploy(|plan| plan.watch = Some(watch())).with_autoscalers();
    check("autoscalers", &setup, 1, WATCHED);
}

#[test]
fn roll_back_as_a_rollout_of_its_own() {
    let setup = Setup::roll_back(|plan| plan.drainer = Some(described("drainer")));
    check("roll back", &setup, 2, &["rolled back", "aborted", "halted", "superseded"]);
}

#[test]
fn everything_at_once() {
    let setup = Setup::deploy(|plan| {
        plan.preflights = vec![described("quota")];
        plan.backup = true;
        plan.migration = migration(Placement::BeforeDeploy);
        plan.smoke = vec![described("smoke")];
        plan.warm_up = vec![described("load")];
        plan.canary = vec![CanaryStep { percent: 50, hold: ticks(1) }];
        plan.approval = approval(Expiry::Abort);
        plan.final_health = vec![described("health")];
        plan.drainer = Some(described("drainer"));
        let probes = vec![ProbeSpec { probe: described("probe"), consecutive: 2 }];
        plan.watch = Some(WatchSpec { probes, ..signal(NoData::Fail { after: 2 }) });
    });
    check("everything", &setup.with_autoscalers(), 1, WATCHED);
}

pub(crate) fn migration(placement: Placement) -> Option<MigrationSpec> {
    Some(MigrationSpec { runner: described("migrations"), placement, check_old_release: true })
}

pub(crate) fn approval(on_expiry: Expiry) -> Option<ApprovalSpec> {
    Some(ApprovalSpec { gate: described("gate"), expires: ticks(6), on_expiry })
}

/// A watch of pods, guard, and a rate of errors.
pub(crate) fn signal(no_data: NoData) -> WatchSpec {
    let criterion = Criterion::error_rate(0.01, 10).consecutive(2).no_data(no_data);
    WatchSpec { signals: vec![SignalSpec { signal: described("errors"), criterion }], ..watch() }
}
