//! Probes, signals, migrations, decisions, connections and records of a world.

mod support;

use bluegreen_core::{
    BackendError, Clock, Color, Drainer, Entropy, ErrorSignal, Finding, Gate, GateContext, GateDecision, HealthProbe,
    Measure, MigrationPhase, MigrationRun, MigrationRunner, MigrationStatus, Observer, Preflight, PreflightContext,
    ProbeTarget, Release, RolloutId, Stage, Target, TrafficRouter, Update, Verdict, Via, Waiting, Window,
};
use bluegreen_testkit::{Behavior, Fault, World};
use support::{deploy, ms, secs, switch};
use tokio::time::{sleep, timeout};

async fn check(world: &World, via: Via, color: Color) -> Result<Verdict, BackendError> {
    let target = ProbeTarget {
        color,
        via,
        address: world.router().address(via, color).await?,
        endpoints: Vec::new(),
        once: false,
    };
    Ok(world.probe("health").check(&target).await?.verdict)
}

#[tokio::test(start_paused = true)]
async fn a_probe_asks_whom_its_path_reaches() {
    let world = World::builder().build();
    world.router().prepare_preview(Color::Green).await.unwrap();
    assert_eq!(check(&world, Via::Preview, Color::Green).await.unwrap(), Verdict::Fail, "nothing there");
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    assert_eq!(check(&world, Via::Preview, Color::Green).await.unwrap(), Verdict::Pass);
    world.behaves("v1", Behavior::failing(1.0));
    assert_eq!(check(&world, Via::Production, Color::Green).await.unwrap(), Verdict::Fail, "production is still blue");
    switch(&world, Color::Green, 2).await.unwrap();
    sleep(ms(100)).await;
    assert_eq!(check(&world, Via::Production, Color::Green).await.unwrap(), Verdict::Pass);
    world.behaves("v2", Behavior::failing(0.25));
    let mut failed = 0;
    for _ in 0..8 {
        failed += u32::from(check(&world, Via::Production, Color::Green).await.unwrap() == Verdict::Fail);
    }
    assert_eq!(failed, 2);
}

#[tokio::test(start_paused = true)]
async fn a_signal_counts_what_the_pods_of_a_color_answered() {
    let world = World::builder().users(100).build();
    let signal = world.signal("errors");
    world.behaves("v1", Behavior::failing(0.1).from(secs(10)));
    let start = world.clock().now();
    sleep(secs(20)).await;
    let window = |from: u64, to: u64| Window { from: start + secs(from), to: start + secs(to) };
    let sample = |color, window| signal.sample(color, window);
    for (from, to, bad, total) in [(0, 10, 0, 1000), (10, 20, 100, 1000), (15, 600, 50, 500)] {
        let measure = sample(Color::Blue, window(from, to)).await.unwrap();
        assert_eq!(measure, Measure::Counts { bad, total }, "{from} to {to}");
    }
    assert!(matches!(sample(Color::Green, window(0, 20)).await.unwrap(), Measure::NoData { .. }));
    world.signal_returns("errors", Measure::Gauge { value: 0.5 });
    assert_eq!(sample(Color::Green, window(0, 20)).await.unwrap(), Measure::Gauge { value: 0.5 });
}

fn run_of(rollout: &str, set: &str) -> MigrationRun {
    MigrationRun {
        rollout: RolloutId::from(rollout.to_owned()),
        release: Release::version("v2"),
        serving: None,
        set: set.to_owned(),
        phase: MigrationPhase::Expand,
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_runs_once_however_often_it_is_asked_for() {
    let world = World::builder().migrations(["001_add_email"]).build();
    let migrations = world.migrations();
    let pending = migrations.pending(&Release::version("v2")).await.unwrap();
    assert_eq!(pending.migrations, ["001_add_email"]);
    let run = run_of("r", &pending.set);
    assert_eq!(migrations.status(&run).await.unwrap(), MigrationStatus::NotStarted);
    assert!(timeout(ms(500), migrations.run(&run)).await.is_err(), "given up, but not stopped");
    assert_eq!(migrations.status(&run).await.unwrap(), MigrationStatus::Running);
    let done = migrations.run(&run).await.unwrap();
    assert!(matches!(done, MigrationStatus::Succeeded { .. }));
    assert_eq!((world.elapsed(), migrations.run(&run).await.unwrap()), (secs(1), done));
    assert!(migrations.pending(&run.release).await.unwrap().migrations.is_empty());
    assert_eq!(world.migration_runs(), [run]);
}

#[tokio::test(start_paused = true)]
async fn who_is_told_that_a_migration_is_not_started_can_rely_on_it() {
    let world = World::builder().migrations(["001_add_email"]).build();
    let run = run_of("r", "001_add_email");
    world.fail_next("migrations.run", Fault::LateEffect(secs(30)));
    assert!(world.migrations().run(&run).await.is_err());
    assert_eq!(world.migrations().status(&run).await.unwrap(), MigrationStatus::NotStarted);
    sleep(secs(60)).await;
    assert!(world.migration_runs().is_empty());
    world.migrations_fail("a lock was held");
    assert!(matches!(world.migrations().run(&run).await.unwrap(), MigrationStatus::Failed { .. }));
    assert!(world.migrations().old_release_works(&run).await.unwrap().works);
    world.old_release_breaks("v1 does not start");
    assert_eq!(world.migrations().old_release_works(&run).await.unwrap().evidence, "v1 does not start");
}

#[tokio::test(start_paused = true)]
async fn an_old_release_that_cannot_live_with_the_new_schema_fails_when_it_is_there() {
    let world = World::builder().migrations(["drop_email"]).build();
    world.old_release_breaks("v1 reads email");
    sleep(secs(10)).await;
    world.migrations().run(&run_of("r", "drop_email")).await.unwrap();
    assert_eq!((world.elapsed(), world.requests().failed), (secs(11), 0), "until the migration is through");
    assert_eq!(check(&world, Via::Production, Color::Blue).await.unwrap(), Verdict::Fail);
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(9)).await;
    assert_eq!(world.requests_between(secs(11), secs(20)).failed, 900);
    switch(&world, Color::Green, 2).await.unwrap();
    sleep(ms(100)).await;
    let failed = world.requests().failed;
    sleep(secs(10)).await;
    assert_eq!(world.requests().failed, failed, "the new release works");
    // Forced, over the closed way back.
    switch(&world, Color::Blue, 3).await.unwrap();
    sleep(ms(10_100)).await;
    assert_eq!(world.requests().failed, failed + 1000);
}

#[tokio::test(start_paused = true)]
async fn migrations_that_fail_break_nothing_and_can_be_run_again() {
    let world = World::builder().migrations(["drop_email"]).build();
    world.old_release_breaks("v1 reads email");
    world.migrations_fail("a lock was held");
    let migrations = world.migrations();
    migrations.run(&run_of("r", "drop_email")).await.unwrap();
    sleep(secs(10)).await;
    migrations.run(&run_of("next", "drop_email")).await.unwrap();
    assert_eq!((world.requests().failed, world.violations()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_the_schema_has_already_breaks_a_law() {
    let world = World::builder().migrations(["add-column", "add-index"]).build();
    let migrations = world.migrations();
    let set = migrations.pending(&Release::version("v2")).await.unwrap().set;
    migrations.run(&run_of("r", &set)).await.unwrap();
    migrations.run(&run_of("r", &set)).await.unwrap();
    assert_eq!(world.violations(), Vec::<String>::new(), "the same run is found again");
    migrations.run(&run_of("another", "add-index")).await.unwrap();
    assert_eq!(world.violations(), ["law 4 at 1s: migration add-index ran twice"]);
}

#[tokio::test(start_paused = true)]
async fn logs_and_alerts_tell_what_the_pods_did_in_the_window() {
    let world = World::builder().build();
    let (logs, alert) = (world.logs("errors in the log"), world.alert("too many errors", 0.1));
    let window = |from, to| {
        let at = |age: u64| world.clock().now() - (world.elapsed() - secs(age));
        Window { from: at(from), to: at(to) }
    };
    sleep(secs(10)).await;
    world.behaves("v1", Behavior::failing(0.25));
    sleep(secs(10)).await;
    world.behaves("v1", Behavior::crashing_after(secs(5)));
    sleep(secs(10)).await;
    let blue = Color::Blue;
    assert_eq!(logs.sample(blue, window(0, 10)).await.unwrap(), Measure::Counts { bad: 0, total: 1000 });
    assert_eq!(logs.sample(blue, window(10, 20)).await.unwrap(), Measure::Counts { bad: 250, total: 1000 });
    assert_eq!(logs.sample(blue, window(20, 30)).await.unwrap(), Measure::Counts { bad: 3, total: 503 });
    assert_eq!(alert.sample(blue, window(0, 10)).await.unwrap(), Measure::Gauge { value: 0.0 });
    assert_eq!(alert.sample(blue, window(10, 20)).await.unwrap(), Measure::Gauge { value: 1.0 });
    assert_eq!(alert.sample(blue, window(0, 30)).await.unwrap(), Measure::Gauge { value: 0.0 }, "a tenth is not above");
    for signal in [&logs, &alert] {
        assert!(matches!(signal.sample(Color::Green, window(0, 30)).await.unwrap(), Measure::NoData { .. }));
        assert!(matches!(signal.sample(blue, window(26, 30)).await.unwrap(), Measure::NoData { .. }), "all are down");
    }
    world.signal_returns("too many errors", Measure::Gauge { value: 3.0 });
    assert_eq!(alert.sample(blue, window(0, 10)).await.unwrap(), Measure::Gauge { value: 3.0 });
}

#[tokio::test(start_paused = true)]
async fn latencies_are_counted_by_how_long_answers_took() {
    let world = World::builder().build();
    world.behaves("v1", Behavior::slow(ms(700)).from(secs(10)));
    sleep(secs(30)).await;
    let to = world.clock().now();
    let measure = world.latency("p99").sample(Color::Blue, Window { from: to - secs(30), to }).await.unwrap();
    let Measure::Latency { buckets } = measure else { panic!("{measure:?}") };
    let within = |seconds: f64| buckets.iter().find(|bucket| bucket.at_most_seconds == seconds).unwrap().count;
    assert_eq!([0.01, 0.025, 0.5, 1.0, f64::INFINITY].map(within), [0, 1000, 1000, 3000, 3000]);
    let none = world.latency("p99").sample(Color::Green, Window { from: to - secs(30), to }).await.unwrap();
    assert!(matches!(none, Measure::NoData { .. }));
}

#[tokio::test(start_paused = true)]
async fn gates_and_preflights_say_what_the_test_decided() {
    let world = World::builder().build();
    let (target, release) = (Target::new("shop", "checkout"), Release::version("v2"));
    let context =
        GateContext { rollout: RolloutId::from("r".to_owned()), target: target.clone(), release: release.clone() };
    assert_eq!(world.gate().decide(&context).await.unwrap(), GateDecision::AskAgain(secs(1)));
    let go = GateDecision::Go { by: "ann".to_owned(), reason: "looks good".to_owned() };
    world.decide(go.clone());
    assert_eq!(world.gate().decide(&context).await.unwrap(), go);

    let context = PreflightContext { target, release, active: Color::Blue, standby: Color::Green };
    assert!(matches!(world.preflight().check(&context).await.unwrap(), Finding::Passed { .. }));
    world.preflight_fails("the quota is used up");
    let failed = Finding::Failed { message: "the quota is used up".to_owned() };
    assert_eq!(world.preflight().check(&context).await.unwrap(), failed);
}

#[tokio::test(start_paused = true)]
async fn connections_stay_on_the_old_color_until_they_are_drained() {
    let world = World::builder().connections(10).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    let drainer = world.drainer();
    let blue: Vec<_> = world.color(Color::Blue).endpoints.into_iter().collect();
    let green: Vec<_> = world.color(Color::Green).endpoints.into_iter().collect();
    let both = [blue.clone(), green.clone()].concat();
    assert_eq!(drainer.open(&both).await.unwrap().count, 30, "green never served");
    switch(&world, Color::Green, 2).await.unwrap();
    sleep(secs(60)).await;
    assert_eq!(drainer.open(&both).await.unwrap().count, 60, "a switch moves new connections only");
    drainer.begin(&blue).await.unwrap();
    assert_eq!(drainer.open(&blue).await.unwrap().count, 30);
    sleep(secs(1)).await;
    assert_eq!(drainer.open(&blue).await.unwrap().count, 0);
    drainer.cancel(&blue).await.unwrap();
    assert_eq!(drainer.open(&blue).await.unwrap().count, 30);
    world.behaves("v1", Behavior::never_ready());
    assert!(drainer.open(&blue).await.is_err(), "who can't tell is no zero");
    world.delete(Color::Blue);
    assert_eq!(drainer.open(&blue).await.unwrap().count, 0);
}

#[tokio::test(start_paused = true)]
async fn updates_are_kept_and_the_same_seed_gives_the_same_numbers() {
    let world = World::builder().seed(3).build();
    let update = Update::Waiting(Waiting { stage: Stage::Ready, what: "green".to_owned(), until: None });
    world.observer().notify(&update);
    assert_eq!(world.updates(), [update]);
    let drawn = [world.entropy().next(), world.entropy().next()];
    let again = World::builder().seed(3).build().entropy();
    assert_eq!(drawn, [again.next(), again.next()]);
}
