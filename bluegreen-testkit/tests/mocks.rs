//! Rollouts whose backends are mocks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Expiry, Placement, Watch};
use bluegreen_core::{
    BackendError, Color, Environment, Gate, GateContext, GateDecision, JournalError, Measure, Release, Rollout,
    RolloutBuilder, RouteWrite, RunError, Target, chain,
};
use bluegreen_testkit::World;
use bluegreen_testkit::mock::{
    MockClock, MockDrainer, MockEntropy, MockEnvironment, MockErrorSignal, MockGate, MockHealthProbe, MockJournal,
    MockMigrationRunner, MockObserver, MockPreflight, MockTrafficRouter, Sequence, pass, predicate,
};
use futures_util::FutureExt;

const MINUTE: Duration = Duration::from_secs(60);

fn plain(world: &World, environment: impl Environment) -> RolloutBuilder {
    Rollout::builder(&Target::new("shop", "checkout"))
        .environment(environment)
        .router(world.router())
        .journal(world.journal())
        .clock(world.clock())
        .entropy(world.entropy())
        .watch(Watch::lasting(MINUTE))
}

/// The message with which `check` panics.
fn panic_of(check: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_err();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

fn unavailable(action: &str) -> BackendError {
    BackendError::Unavailable { action: action.into(), object: "it".into(), source: "the test says so".into() }
}

#[tokio::test(start_paused = true)]
async fn a_rollout_of_nothing_but_mocks_is_promoted() {
    let world = World::builder().weights().migrations(["1_add_column"]).build();
    world.decide(GateDecision::Go { by: "ops".into(), reason: "looks good".into() });
    let watch = Watch::lasting(MINUTE)
        .probe(MockHealthProbe::new().over(world.probe("watch")), 3)
        .signal(MockErrorSignal::new().over(world.signal("errors")), Criterion::error_rate(0.01, 1));
    let outcome = Rollout::builder(&Target::new("shop", "checkout"))
        .environment(MockEnvironment::new().over(world.environment()))
        .router(MockTrafficRouter::new().over(world.router()))
        .journal(MockJournal::new().over(world.journal()))
        .clock(MockClock::new().over(world.clock()))
        .entropy(MockEntropy::new().over(world.entropy()))
        .observer(MockObserver::new().over(world.observer()))
        .preflight(MockPreflight::new().over(world.preflight()))
        .migrations(MockMigrationRunner::new().over(world.migrations()), Placement::BeforeDeploy)
        .backup()
        .smoke(MockHealthProbe::new().over(world.probe("smoke")))
        .canary(10, MINUTE)
        .approval(MockGate::new().over(world.gate()), MINUTE, Expiry::Abort)
        .drainer(MockDrainer::new().over(world.drainer()))
        .watch(watch)
        .build()
        .unwrap()
        .run(Release::version("v2"))
        .await
        .unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Green));
    assert_eq!(world.migration_runs().len(), 1);
    assert!(!world.updates().is_empty());
    assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_test_states_only_what_differs() {
    let world = World::builder().build();
    let mut environment = MockEnvironment::new();
    environment.expect_deploy().times(1).returning(|_| Err(unavailable("deploy")));
    let environment = environment.over(world.environment());
    let outcome = plain(&world, environment.clone()).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    environment.checkpoint();
    let deploys = world.calls().iter().filter(|call| call.name == "environment.deploy").count();
    assert_eq!(deploys, 1, "the mock took the first");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_mock_decides_the_rollout() {
    let world = World::builder().build();
    let mut signal = MockErrorSignal::new();
    signal
        .expect_sample()
        .with(predicate::eq(Color::Green), predicate::always())
        .times(1..)
        .returning(|_, _| Ok(Measure::Counts { bad: 90, total: 100 }));
    let signal = signal.over(world.signal("errors"));
    let watch = Watch::lasting(MINUTE).signal(signal.clone(), Criterion::error_rate(0.01, 1));
    let builder = plain(&world, world.environment()).watch(watch);
    let outcome = builder.build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    signal.checkpoint();
}

fn deploys(environment: &mut MockEnvironment, order: &mut Sequence) {
    environment.expect_deploy().times(1).in_sequence(order).returning(|_| Err(pass()));
}

fn switches(router: &mut MockTrafficRouter, order: &mut Sequence) {
    let to_green = |write: &RouteWrite<'_>| write.mark.split.sole() == Some(Color::Green);
    router.expect_write().withf(to_green).times(1).in_sequence(order).returning(|_| Err(pass()));
}

#[tokio::test(start_paused = true)]
async fn calls_to_several_mocks_keep_their_order() {
    let world = World::builder().build();
    let mut order = Sequence::new();
    let (mut environment, mut router) = (MockEnvironment::new(), MockTrafficRouter::new());
    deploys(&mut environment, &mut order);
    switches(&mut router, &mut order);
    let (environment, router) = (environment.over(world.environment()), router.over(world.router()));
    let builder = plain(&world, environment.clone()).router(router.clone());
    let outcome = builder.build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    environment.checkpoint();
    router.checkpoint();
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a call to this mock has panicked")]
async fn calls_in_another_order_fail_the_test() {
    let world = World::builder().build();
    let mut order = Sequence::new();
    let (mut environment, mut router) = (MockEnvironment::new(), MockTrafficRouter::new());
    switches(&mut router, &mut order);
    deploys(&mut environment, &mut order);
    let (environment, router) = (environment.over(world.environment()), router.over(world.router()));
    let builder = plain(&world, environment.clone()).router(router.clone());
    let result = builder.build().unwrap().run(Release::version("v2")).await;
    assert!(matches!(result, Err(RunError::Gone)), "{result:?}");
    environment.checkpoint();
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_fails_the_test_for_a_call_that_was_not_made() {
    let world = World::builder().build();
    let mut environment = MockEnvironment::new();
    environment.expect_restore().times(1).returning(|_| Err(pass()));
    let environment = environment.over(world.environment());
    let outcome = plain(&world, environment.clone()).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert!(panic_of(|| environment.checkpoint()).contains("restore"));
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_call_fails_the_test_wherever_it_is_made() {
    let world = World::builder().build();
    let mut signal = MockErrorSignal::new();
    signal.expect_sample().returning(|_, _| panic!("nothing is sampled here"));
    let signal = signal.over(world.signal("errors"));
    let watch = Watch::lasting(MINUTE).signal(signal.clone(), Criterion::error_rate(0.01, 1));
    let builder = plain(&world, world.environment()).watch(watch);
    let _ = builder.build().unwrap().run(Release::version("v2")).await;
    assert!(panic_of(|| signal.checkpoint()).contains("has panicked"));
}

#[tokio::test(start_paused = true)]
async fn an_expectation_that_is_used_up_makes_way_for_the_backend() {
    let world = World::builder().build();
    let mut environment = MockEnvironment::new();
    environment.expect_observe().times(2).returning(|_| Err(unavailable("read")));
    environment.expect_diagnose().never();
    let environment = environment.over(world.environment());
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(environment.observe(Color::Blue).await.is_ok());
    }
    assert_eq!(answered, [false, false, true]);
    assert!(environment.diagnose(Color::Blue).await.is_ok(), "even `never` makes way, at once");
    environment.checkpoint();
}

#[tokio::test(start_paused = true)]
async fn after_a_checkpoint_the_backend_answers() {
    let world = World::builder().build();
    let mut environment = MockEnvironment::new();
    environment.expect_observe().returning(|_| Err(unavailable("read")));
    let environment = environment.over(world.environment());
    assert!(environment.observe(Color::Blue).await.is_err());
    environment.checkpoint();
    assert_eq!(environment.observe(Color::Blue).await.unwrap().ready, 3);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_locked_stops_the_rollout_before_any_write() {
    let world = World::builder().build();
    let mut journal = MockJournal::new();
    journal.expect_append().returning(|_, _, _, _| Err(JournalError::Locked { journal: "it".into() }));
    let builder = plain(&world, world.environment()).journal(journal.over(world.journal()));
    let error = builder.build().unwrap().run(Release::version("v2")).await.unwrap_err();
    assert!(matches!(error, RunError::Journal(JournalError::Locked { .. })), "{error:?}");
    assert!(world.calls().iter().all(|call| !call.name.contains("write") && !call.name.contains("deploy")));
}

#[tokio::test(start_paused = true)]
async fn a_mock_alone_is_strict() {
    let environment = MockEnvironment::new();
    let message = panic_of(|| drop(environment.observe(Color::Blue).now_or_never()));
    assert!(message.contains("No matching expectation"), "{message}");
    let mut gate = MockGate::new();
    gate.expect_decide().returning(|_| Err(pass()));
    let context = GateContext {
        rollout: "r".to_owned().into(),
        target: Target::new("shop", "checkout"),
        release: Release::version("v2"),
    };
    let error = gate.decide(&context).await.unwrap_err();
    assert!(chain(&error).contains("use its method `over`"), "{error:?}");
}
