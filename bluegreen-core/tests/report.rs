//! Reports of whole rollouts, as people read them.

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Guard, PlanSpec, PodLimits, ProbeSpec, SignalSpec, WatchSpec};
use bluegreen_core::{
    Change, Check, Color, Description, Diagnosis, End, Ending, Event, Holder, Kind, Measure, RECORD_VERSION, Record,
    Release, Report, Request, RolloutId, RouteMark, RouteObject, RouteState, RouteStep, Sample, Split, Stage, Stamp,
    Started, Target, Verdict, Write,
};
use jiff::{SignedDuration, Timestamp};

/// Writes a journal by hand. Time goes on only when it is told to.
struct Script {
    now: Timestamp,
    holder: u64,
    seq: u64,
    stage: Stage,
    records: Vec<Record>,
}

impl Script {
    /// A rollout of 1.4.2 to green, while blue serves 1.4.1.
    fn deploy() -> Self {
        Self::begin(Kind::Deploy)
    }

    fn begin(kind: Kind) -> Self {
        let mut script = Self {
            now: "2026-11-22T04:05:06.25Z".parse().unwrap(),
            holder: 0xa1,
            seq: 0,
            stage: Stage::Raise,
            records: Vec::new(),
        };
        let found = vec![script.service(Color::Blue, Color::Blue)];
        script.record(Event::Started(Box::new(Started {
            kind,
            plan: plan(),
            release: Release::image("registry.example/checkout:1.4.2"),
            old: Color::Blue,
            new: Color::Green,
            old_release: Some(Release::image("registry.example/checkout:1.4.1")),
            found,
            takes_over: None,
        })));
        script
    }

    fn service(&self, routes: Color, mark: Color) -> RouteObject {
        RouteObject {
            name: "Service/checkout".to_owned(),
            version: "41".to_owned(),
            state: RouteState::Routes(Split::only(routes)),
            exact: serde_json::json!({"app": "checkout", "color": routes}),
            mark: Some(RouteMark {
                stamp: self.stamp(),
                split: Split::only(mark),
                rollout: RolloutId::new(self.now, 1),
                ended: false,
            }),
            changed: Some(Change {
                by: "kubectl-edit".to_owned(),
                at: None,
            }),
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            epoch: 4,
            seq: self.seq,
            holder: Holder::new(self.holder),
        }
    }

    fn after(&mut self, millis: i64) -> &mut Self {
        self.now += SignedDuration::from_millis(millis);
        self
    }

    fn stage(&mut self, stage: Stage) -> &mut Self {
        self.stage = stage;
        self
    }

    fn record(&mut self, event: Event) -> &mut Self {
        let rollout = RolloutId::new("2026-11-22T04:05:06Z".parse().unwrap(), 0x1a2b);
        let record = Record {
            v: RECORD_VERSION,
            at: self.now,
            rollout,
            holder: Holder::new(self.holder),
            member: None,
            stage: self.stage,
            event,
        };
        // What a report is made from has been through a journal.
        let text = serde_json::to_string(&record).unwrap();
        self.records.push(serde_json::from_str(&text).unwrap());
        self
    }

    fn intent(&mut self, write: Write, object: &str, step: Option<(Color, Color)>) -> &mut Self {
        self.seq += 1;
        let routes = |color| RouteState::Routes(Split::only(color));
        let step = step.map(|(from, to)| RouteStep {
            object: object.to_owned(),
            from: routes(from),
            to: routes(to),
        });
        let stamp = self.stamp();
        self.record(Event::Intent {
            write,
            object: object.to_owned(),
            stamp,
            step,
        })
    }

    fn wrote(&mut self, write: Write, object: &str) -> &mut Self {
        let stamp = self.stamp();
        self.record(Event::Wrote {
            write,
            object: object.to_owned(),
            stamp,
            complete: true,
        })
    }

    /// A write that takes 4 ms.
    fn write(&mut self, write: Write, object: &str, step: Option<(Color, Color)>) -> &mut Self {
        self.intent(write, object, step).after(4).wrote(write, object)
    }

    fn unsure(&mut self, write: Write, object: &str) -> &mut Self {
        let (stamp, error) = (self.stamp(), "no answer from the API server within 10s".to_owned());
        self.record(Event::Unsure {
            write,
            object: object.to_owned(),
            stamp,
            error,
        })
    }

    fn passed(&mut self, check: Check, summary: &str) -> &mut Self {
        self.record(Event::Passed {
            check,
            summary: summary.to_owned(),
        })
    }

    fn sample(&mut self, source: &str, measure: Measure, summary: &str) -> &mut Self {
        let color = if source == "guard" { Color::Blue } else { Color::Green };
        let (source, summary) = (source.to_owned(), summary.to_owned());
        self.record(Event::Sampled(Sample {
            source,
            color,
            seconds: 5.0,
            measure,
            summary,
        }))
    }

    /// What all sources say every five seconds while nothing is wrong.
    fn good_samples(&mut self, times: u32) -> &mut Self {
        for _ in 0..times {
            self.after(5_000)
                .sample("pods", Measure::Counts { bad: 0, total: 3 }, "")
                .sample("guard", Measure::Counts { bad: 0, total: 3 }, "")
                .sample(
                    "probe 1",
                    Measure::Counts { bad: 0, total: 1 },
                    "GET http://10.96.0.17/health: 200",
                )
                .sample("signal 1", Measure::Counts { bad: 1, total: 4_000 }, "");
        }
        self
    }

    fn raised_and_deployed(&mut self) -> &mut Self {
        self.write(Write::Raise, "Service/checkout", Some((Color::Blue, Color::Blue)))
            .stage(Stage::Deploy)
            .record(Event::Capacity { replicas: 3 })
            .write(Write::Deploy(Color::Green), "Deployment/checkout-green", None)
            .stage(Stage::Ready)
    }

    fn switched(&mut self) -> &mut Self {
        let way_back = Event::WayBack {
            open: true,
            reason: "3 replicas of blue are ready".to_owned(),
            serving: 3,
            restarts: 0,
        };
        self.raised_and_deployed()
            .after(8_120)
            .passed(Check::Ready, "3 of 3 replicas of Deployment/checkout-green ready")
            .stage(Stage::Smoke)
            .after(35)
            .passed(Check::Smoke(0), "GET http://10.96.0.18/health: 200, 3 in a row")
            .stage(Stage::Switch)
            .record(way_back)
            .write(Write::Switch, "Service/checkout", Some((Color::Blue, Color::Green)))
    }

    fn watching(&mut self) -> &mut Self {
        self.switched()
            .stage(Stage::Converge)
            .after(310)
            .passed(Check::Converged, "3 endpoints of green, none of blue")
            .after(10_000)
            .passed(Check::Settled, "10 s passed")
            .stage(Stage::Watch)
    }

    fn promoted(&mut self) -> &mut Self {
        self.record(Event::Judged {
            verdict: Verdict::Pass,
            reason: "nothing failed in 1800s".to_owned(),
        })
        .stage(Stage::Retire)
        .write(Write::Retire(Color::Blue), "Deployment/checkout-blue", None)
        .stage(Stage::End)
        .record(Event::Ended(End::Promoted { proven: true }))
    }

    fn returned(&mut self, reason: &str) -> &mut Self {
        self.stage(Stage::RollBack)
            .record(Event::Decided(Ending::RollBack {
                reason: reason.to_owned(),
                forced: false,
            }))
            .write(Write::SwitchBack, "Service/checkout", Some((Color::Green, Color::Blue)))
            .after(120)
            .passed(Check::Returned, "3 endpoints of blue, none of green")
    }

    fn report(&self) -> Report {
        Report::from_records(&self.records)
    }
}

fn plan() -> PlanSpec {
    let watch = WatchSpec {
        duration: Duration::from_secs(1_800),
        interval: Duration::from_secs(5),
        probes: vec![ProbeSpec {
            probe: Description::new("HttpProbe").with("path", "/health"),
            consecutive: 3,
        }],
        signals: vec![SignalSpec {
            signal: Description::new("RequestErrors"),
            criterion: Criterion::error_rate(0.01, 50),
        }],
        pods: PodLimits::default(),
        guard: Guard::default(),
    };
    PlanSpec {
        watch: Some(watch),
        ..PlanSpec::new(Target::new("shop", "checkout"))
    }
}

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
        stamp: Stamp {
            epoch: 4,
            seq: 1,
            holder: Holder::new(0xa1),
        },
        error: "Service/checkout is not as expected: expected version 41, found 42".to_owned(),
        conflict: true,
        retryable: false,
    };
    let no_data = || Measure::NoData {
        why: "Prometheus answers 503".to_owned(),
    };
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
        .record(Event::Asked {
            request: Request::Pause,
            by: "ada".to_owned(),
        })
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
        .record(Event::Asked {
            request: Request::Resume,
            by: "ada".to_owned(),
        });
    insta::assert_snapshot!(script.promoted().report());
}

#[test]
fn aborted_because_the_image_does_not_exist() {
    let mut script = Script::deploy();
    let reason = "0 of 3 replicas of Deployment/checkout-green ready, and it can't become ready: \
                  Pod/checkout-green-7d4b9-x2x8p: ImagePull: manifest for registry.example/checkout:1.4.2 not found";
    let ready = Event::Failed {
        check: Check::Ready,
        verdict: Verdict::Fail,
        summary: reason.to_owned(),
    };
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
        .record(Event::Decided(Ending::Abort {
            reason: reason.to_owned(),
        }))
        .after(60)
        .record(Event::Evidence {
            color: Color::Green,
            diagnosis,
        })
        .write(Write::TakeDown(Color::Green), "Deployment/checkout-green", None)
        .stage(Stage::End)
        .record(Event::Ended(End::Aborted {
            reason: reason.to_owned(),
        }));
    insta::assert_snapshot!(script.report());
}

#[test]
fn rolled_back_after_a_failing_watch() {
    let mut script = Script::deploy();
    script.watching().good_samples(4);
    for _ in 0..3 {
        let refused = "GET http://10.96.0.17/health: 500 “database is locked”, 3 tries";
        script
            .after(5_000)
            .sample("probe 1", Measure::Counts { bad: 1, total: 1 }, refused);
    }
    let reason = "probe 1 failed 3 times in a row: GET http://10.96.0.17/health: 500 “database is locked”, 3 tries";
    let log: Vec<_> = (1..=20)
        .map(|line| format!("04:05:{line:02} ERROR database is locked"))
        .collect();
    let diagnosis = Diagnosis {
        causes: vec!["all containers run; the application answers with errors".to_owned()],
        evidence: [("log of Pod/checkout-green-7d4b9-x2x8p".to_owned(), log.join("\n"))].into(),
    };
    script
        .record(Event::Judged {
            verdict: Verdict::Fail,
            reason: reason.to_owned(),
        })
        .returned(reason)
        .record(Event::Evidence {
            color: Color::Green,
            diagnosis,
        })
        .after(10_000)
        .write(Write::TakeDown(Color::Green), "Deployment/checkout-green", None)
        .stage(Stage::End)
        .record(Event::Ended(End::RolledBack {
            reason: reason.to_owned(),
        }));
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
    script
        .watching()
        .good_samples(2)
        .stage(Stage::End)
        .record(Event::Ended(halted));
    insta::assert_snapshot!(script.report());
}

#[test]
fn superseded() {
    let mut script = Script::deploy();
    let by = "rollout 20261122t040600-00003c4d, holder 00000000000000b2".to_owned();
    script
        .raised_and_deployed()
        .after(2_000)
        .stage(Stage::End)
        .record(Event::Ended(End::Superseded { by }));
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
        .record(Event::Ended(End::RolledBack {
            reason: reason.to_owned(),
        }));
    insta::assert_snapshot!(script.report());
}

#[test]
fn not_ended_yet() {
    let mut script = Script::deploy();
    let script = script
        .raised_and_deployed()
        .intent(Write::Seal(Color::Green), "Deployment/checkout-green", None);
    insta::assert_snapshot!(script.report());
}

#[test]
fn of_no_records() {
    insta::assert_snapshot!(Report::from_records(&[]));
}
