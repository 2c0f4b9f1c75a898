//! Reports of whole rollouts, as people read them.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod script;

use bluegreen_core::{
    Check, Color, Diagnosis, End, Ending, Event, Holder, Kind, Measure, Report, Request, Stage, Stamp, Verdict, Write,
};

use crate::script::Script;

#[test]
fn promoted() {
    let mut script = Script::deploy();
    insta::assert_snapshot!(script.watching().good_samples(360).promoted().report());
}

#[test]
fn promoted_after_trouble_that_decided_nothing() {
    let mut script = Script::deploy();
    let refused = Event::Refused {
        write: Write::Raise,
        object: "Service/checkout".to_owned(),
        stamp: Stamp { epoch: 4, seq: 1, holder: Holder::new(0xa1) },
        error: "Service/checkout is not as expected: expected version 41, found 42".to_owned(),
        conflict: true,
        retryable: false,
    };
    let no_data = || Measure::NoData { why: "Prometheus answers 503".to_owned() };
    let guard = |holds, ready| Event::Guard {
        holds,
        summary: format!("{ready} of the 3 replicas of blue that served are ready"),
    };
    script
        .intent(Write::Raise, "Service/checkout", Some((Color::Blue, Color::Blue)))
        .after(3)
        .record(refused)
        .watching()
        .good_samples(10)
        .record(Event::Asked { request: Request::Pause, by: "ada".to_owned() })
        .record(guard(false, 2))
        .good_samples(2)
        .record(guard(true, 3))
        .after(5_000)
        .sample("signal 1", no_data(), "")
        .after(5_000)
        .sample("signal 1", no_data(), "")
        .after(5_000)
        .sample("signal 1", Measure::Counts { bad: 50, total: 4_000 }, "")
        .good_samples(300)
        .record(Event::Asked { request: Request::Resume, by: "ada".to_owned() });
    insta::assert_snapshot!(script.promoted().report());
}

#[test]
fn aborted_because_the_image_does_not_exist() {
    let mut script = Script::deploy();
    let reason = "0 of 3 replicas of Deployment/checkout-green ready, and it can't become ready: \
                  Pod/checkout-green-7d4b9-x2x8p: ImagePull: manifest for registry.example/checkout:1.4.2 not found";
    let ready = Event::Failed { check: Check::Ready, verdict: Verdict::Fail, summary: reason.to_owned() };
    let events = "Pulling image \"registry.example/checkout:1.4.2\"\nFailed to pull image: not found\n\u{1b}[31mBackOff\u{1b}[0m";
    let diagnosis = Diagnosis {
        causes: vec![
            "the image registry.example/checkout:1.4.2 does not exist".to_owned(),
            "3 of 3 pods wait for it".to_owned(),
        ],
        evidence: [("events of Pod/checkout-green-7d4b9-x2x8p".to_owned(), events.to_owned())].into(),
    };
    script
        .raised_and_deployed()
        .after(12_400)
        .record(ready)
        .stage(Stage::Abort)
        .record(Event::Decided(Ending::Abort { reason: reason.to_owned() }))
        .after(60)
        .record(Event::Evidence { color: Color::Green, diagnosis })
        .write(Write::TakeDown(Color::Green), "Deployment/checkout-green", None)
        .stage(Stage::End)
        .record(Event::Ended(End::Aborted { reason: reason.to_owned() }));
    insta::assert_snapshot!(script.report());
}

#[test]
fn rolled_back_after_a_failing_watch() {
    let mut script = Script::deploy();
    script.watching().good_samples(4);
    for _ in 0..3 {
        let refused = "GET http://10.96.0.17/health: 500 “database is locked”, 3 tries";
        script.after(5_000).sample("probe 1", Measure::Counts { bad: 1, total: 1 }, refused);
    }
    let reason = "probe 1 failed 3 times in a row: GET http://10.96.0.17/health: 500 “database is locked”, 3 tries";
    let log: Vec<_> = (1..=20).map(|line| format!("04:05:{line:02} ERROR database is locked")).collect();
    let diagnosis = Diagnosis {
        causes: vec!["all containers run; the application answers with errors".to_owned()],
        evidence: [("log of Pod/checkout-green-7d4b9-x2x8p".to_owned(), log.join("\n"))].into(),
    };
    script
        .record(Event::Judged { verdict: Verdict::Fail, reason: reason.to_owned() })
        .returned(reason)
        .record(Event::Evidence { color: Color::Green, diagnosis })
        .after(10_000)
        .write(Write::TakeDown(Color::Green), "Deployment/checkout-green", None)
        .stage(Stage::End)
        .record(Event::Ended(End::RolledBack { reason: reason.to_owned() }));
    insta::assert_snapshot!(script.report());
    insta::assert_json_snapshot!(script.report().figures);
}

#[test]
fn halted_by_a_foreign_edit() {
    let mut script = Script::deploy();
    let halted = End::Halted {
        reason: "Service/checkout was changed by kubectl-edit: expected green, found blue".to_owned(),
        next: "see who changed it and why; then roll back, or start a new rollout".to_owned(),
    };
    script.watching().good_samples(2).stage(Stage::End).record(Event::Ended(halted));
    insta::assert_snapshot!(script.report());
}

#[test]
fn superseded() {
    let mut script = Script::deploy();
    let by = "rollout 20261122t040600-00003c4d, holder 00000000000000b2".to_owned();
    script.raised_and_deployed().after(2_000).stage(Stage::End).record(Event::Ended(End::Superseded { by }));
    insta::assert_snapshot!(script.report());
}

#[test]
fn recovered_with_a_switch_that_had_landed() {
    let mut script = Script::deploy();
    script
        .raised_and_deployed()
        .after(8_000)
        .passed(Check::Ready, "3 of 3 replicas of Deployment/checkout-green ready")
        .stage(Stage::Switch)
        .intent(Write::Switch, "Service/checkout", Some((Color::Blue, Color::Green)))
        .after(42_000)
        .stage(Stage::Raise);
    script.holder = 0xb2;
    let found = vec![script.service(Color::Green, Color::Green)];
    script
        .record(Event::Recovered { found })
        .intent(Write::Raise, "Service/checkout", Some((Color::Green, Color::Green)))
        .after(10_000)
        .unsure(Write::Raise, "Service/checkout")
        .after(20)
        .wrote(Write::Raise, "Service/checkout")
        .stage(Stage::Switch)
        .record(Event::Found { write: Write::Switch })
        .stage(Stage::Converge)
        .after(300)
        .passed(Check::Converged, "3 endpoints of green, none of blue")
        .after(10_000)
        .passed(Check::Settled, "10 s passed")
        .stage(Stage::Watch)
        .good_samples(360);
    insta::assert_snapshot!(script.promoted().report());
}

#[test]
fn a_rollback_asked_for_by_another_program() {
    let mut script = Script::begin(Kind::RollBack("checkout shows wrong prices".to_owned()));
    let reason = "checkout shows wrong prices";
    script
        .write(Write::Raise, "Service/checkout", Some((Color::Green, Color::Green)))
        .returned(reason)
        .stage(Stage::End)
        .record(Event::Ended(End::RolledBack { reason: reason.to_owned() }));
    insta::assert_snapshot!(script.report());
}

#[test]
fn not_ended_yet() {
    let mut script = Script::deploy();
    let script = script.raised_and_deployed().intent(Write::Seal(Color::Green), "Deployment/checkout-green", None);
    insta::assert_snapshot!(script.report());
}

#[test]
fn of_no_records() {
    insta::assert_snapshot!(Report::from_records(&[]));
}
