//! Rollouts whose backends say what a test told them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Expiry, Watch};
use bluegreen_core::{
    Color, Event, Gate, GateContext, GateDecision, Handle, Journal, JournalError, Measure, Outcome, Release, Rollout,
    RolloutBuilder, RunError, Stage, Target, Update, Verdict,
};
use bluegreen_testkit::fake::{FixedSignal, ManualGate, RecordingObserver, ScriptedProbe};
use bluegreen_testkit::{Behavior, Fault, Incident, World};
use tokio::time::sleep;

const MINUTE: Duration = Duration::from_secs(60);

fn target() -> Target {
    Target::new("shop", "checkout")
}

fn plain(world: &World) -> RolloutBuilder {
    Rollout::builder(&target())
        .environment(world.environment())
        .router(world.router())
        .journal(world.journal())
        .clock(world.clock())
        .entropy(world.entropy())
        .watch(Watch::lasting(10 * MINUTE))
}

async fn start(builder: RolloutBuilder) -> Handle {
    builder.build().unwrap().start(Release::version("v2")).await.unwrap()
}

async fn run(builder: RolloutBuilder) -> Outcome {
    start(builder).await.wait().await.unwrap()
}

// ---- signals and probes -----------------------------------------------------------------------------------------------

fn counts(bad: u64) -> Measure {
    Measure::Counts { bad, total: 100 }
}

#[tokio::test(start_paused = true)]
async fn a_signal_says_the_same_for_ever() {
    for (bad, promoted) in [(0, true), (2, false)] {
        let world = World::builder().build();
        let signal = FixedSignal::new(counts(bad));
        let watch = Watch::lasting(10 * MINUTE).signal(signal.clone(), Criterion::error_rate(0.01, 1));
        let outcome = run(plain(&world).watch(watch)).await;
        assert_eq!((outcome.is_promoted(), outcome.is_rolled_back()), (promoted, !promoted), "{}", outcome.report());
        assert!(signal.samples() > if promoted { 100 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_gets_bad_with_its_fifth_sample() {
    let world = World::builder().build();
    let signal = FixedSignal::each([0, 0, 0, 0, 50].map(counts));
    let watch = Watch::lasting(10 * MINUTE).signal(signal.clone(), Criterion::error_rate(0.01, 1));
    let outcome = run(plain(&world).watch(watch)).await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!(signal.samples(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_signal_that_was_told_nothing_is_not_health() {
    let world = World::builder().build();
    let watch = Watch::lasting(10 * MINUTE).signal(FixedSignal::each([]), Criterion::error_rate(0.01, 1));
    let outcome = run(plain(&world).watch(watch)).await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_twice_in_a_row_is_forgiven_and_three_times_is_not() {
    use Verdict::{Fail, Pass};
    for (verdicts, promoted) in [(vec![Pass, Fail, Fail, Pass], true), (vec![Pass, Fail, Fail, Fail, Pass], false)] {
        let world = World::builder().build();
        let probe = ScriptedProbe::new(verdicts);
        let watch = Watch::lasting(10 * MINUTE).probe(probe.clone(), 3);
        let outcome = run(plain(&world).watch(watch)).await;
        assert_eq!((outcome.is_promoted(), outcome.is_rolled_back()), (promoted, !promoted), "{}", outcome.report());
        assert!(probe.checks() >= 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_smoke_test_that_can_not_tell_aborts() {
    let world = World::builder().build();
    let probe = ScriptedProbe::new([]);
    let outcome = run(plain(&world).smoke(probe.clone())).await;
    assert!(outcome.is_aborted(), "{}", outcome.report());
    assert!(probe.checks() > 0);
    assert_eq!(world.route().active(), Some(Color::Blue));
}

// ---- gates ------------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_gate_is_opened_while_the_rollout_waits() {
    let world = World::builder().build();
    let gate = ManualGate::new();
    let handle = start(plain(&world).approval(gate.clone(), 10 * MINUTE, Expiry::Abort)).await;
    assert!(gate.until_asked(MINUTE).await);
    sleep(MINUTE).await;
    assert_eq!(world.route().active(), Some(Color::Blue), "nobody has decided");
    assert!(gate.asked() > 30, "asked {} times in a minute", gate.asked());
    gate.open("ops", "looks good");
    let outcome = handle.wait().await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_closed_aborts() {
    let world = World::builder().build();
    let gate = ManualGate::new();
    gate.close("ops", "not on a Friday");
    let outcome = run(plain(&world).approval(gate.clone(), 10 * MINUTE, Expiry::Abort)).await;
    assert!(outcome.is_aborted(), "{}", outcome.report());
    assert!(outcome.report().to_string().contains("not on a Friday"));
}

#[tokio::test(start_paused = true)]
async fn a_gate_knows_when_nobody_asks() {
    let gate = ManualGate::default();
    assert!(!gate.until_asked(MINUTE).await);
    let context = GateContext { rollout: "r".to_owned().into(), target: target(), release: Release::version("v2") };
    assert!(matches!(gate.decide(&context).await.unwrap(), GateDecision::AskAgain(_)));
    assert!(gate.until_asked(Duration::ZERO).await, "it has been asked");
}

// ---- observers --------------------------------------------------------------------------------------------------------

fn in_stage(stage: Stage) -> impl Fn(&Update) -> bool {
    move |update| matches!(update, Update::Recorded(record) if record.stage == stage)
}

#[tokio::test(start_paused = true)]
async fn a_test_waits_for_what_it_wants_to_see() {
    let world = World::builder().build();
    let observer = RecordingObserver::new();
    let handle = start(plain(&world).observer(observer.clone())).await;
    observer.wait_for(MINUTE, in_stage(Stage::Converge)).await.unwrap();
    assert_eq!(world.route().active(), Some(Color::Green));
    let asked = world.elapsed();
    observer.wait_for(MINUTE, in_stage(Stage::Switch)).await.unwrap();
    assert_eq!(world.elapsed(), asked, "what has come already is there at once");
    let _ = handle.wait().await.unwrap();
    let records = observer.records();
    assert!(matches!(records.last().unwrap().event, Event::Ended(_)));
    let journal = world.journal();
    let rollout = &records[0].rollout;
    assert_eq!(records, journal.load(&target(), rollout).await.unwrap().records);
    assert!(observer.updates().len() > records.len());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_is_an_error_that_says_what_came() {
    let world = World::builder().build();
    let observer = RecordingObserver::default();
    let silent = observer.wait_for(MINUTE, |_| true).await.unwrap_err();
    assert_eq!((silent.told, silent.to_string().contains("none came")), (0, true), "{silent}");
    let handle = start(plain(&world).observer(observer.clone())).await;
    let before = world.elapsed();
    let error = observer.wait_for(MINUTE, in_stage(Stage::End)).await.unwrap_err();
    assert_eq!(world.elapsed() - before, MINUTE);
    assert!(error.told > 0 && error.to_string().contains("the last was"), "{error}");
    drop(handle);
}

// ---- journals ---------------------------------------------------------------------------------------------------------

fn journal_is_down(fault: Fault) -> Incident {
    Incident::Outage { calls: "journal".to_owned(), fault, lasting: 600 * MINUTE }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_down_stops_the_rollout_before_traffic_moves() {
    for fault in [Fault::Error, Fault::Hang] {
        let world = World::builder().incident(Duration::from_secs(1), journal_is_down(fault)).build();
        let error = start(plain(&world)).await.wait().await.unwrap_err();
        assert!(matches!(error, RunError::Journal(JournalError::Io { .. })), "{error:?}");
        assert_eq!(world.route().active(), Some(Color::Blue));
        assert_eq!(world.requests().lost, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn traffic_returns_without_a_journal() {
    let goes_bad = Duration::from_secs(2) + MINUTE;
    for fault in [Fault::Error, Fault::ErrorAfterEffect, Fault::Hang] {
        let down = goes_bad - Duration::from_millis(50);
        let world = World::builder().incident(down, journal_is_down(fault)).build();
        world.behaves("v2", Behavior::unready_after(MINUTE));
        let _ = start(plain(&world)).await.wait().await;
        assert!(world.elapsed() > goes_bad, "{fault:?}: it ended before its release went bad");
        assert_eq!(world.route().active(), Some(Color::Blue), "{fault:?}");
        assert!(world.requests().outage < Duration::from_secs(2), "{fault:?}: {:?}", world.requests());
    }
}
