//! Journals written by hand.

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Guard, PlanSpec, PodLimits, ProbeSpec, SignalSpec, WatchSpec};
use bluegreen_core::{
    Change, Check, Color, Description, End, Ending, Event, Holder, Kind, Measure, RECORD_VERSION, Record, Release,
    Report, RolloutId, RouteMark, RouteObject, RouteState, RouteStep, Sample, Split, Stage, Stamp, Started, Target,
    Verdict, Write,
};
use jiff::{SignedDuration, Timestamp};

/// Writes a journal by hand. Time goes on only when it is told to.
pub(crate) struct Script {
    now: Timestamp,
    pub(crate) holder: u64,
    seq: u64,
    stage: Stage,
    records: Vec<Record>,
}

impl Script {
    /// A rollout of 1.4.2 to green, while blue serves 1.4.1.
    pub(crate) fn deploy() -> Self {
        Self::begin(Kind::Deploy)
    }

    pub(crate) fn begin(kind: Kind) -> Self {
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

    pub(crate) fn service(&self, routes: Color, mark: Color) -> RouteObject {
        RouteObject {
            name: "Service/checkout".to_owned(),
            version: "41".to_owned(),
            state: RouteState::Routes(Split::only(routes)),
            exact: serde_json::json!({"app": "checkout", "color": routes}),
            mark: Some(RouteMark {
                stamp: self.stamp(),
                split: Split::only(mark),
                rollout: RolloutId::new(self.now, 1),
                origin: Color::Blue,
                ended: false,
            }),
            changed: Some(Change { by: "kubectl-edit".to_owned(), at: None }),
        }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { epoch: 4, seq: self.seq, holder: Holder::new(self.holder) }
    }

    pub(crate) fn after(&mut self, millis: i64) -> &mut Self {
        self.now += SignedDuration::from_millis(millis);
        self
    }

    pub(crate) fn stage(&mut self, stage: Stage) -> &mut Self {
        self.stage = stage;
        self
    }

    pub(crate) fn record(&mut self, event: Event) -> &mut Self {
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

    pub(crate) fn intent(&mut self, write: Write, object: &str, step: Option<(Color, Color)>) -> &mut Self {
        self.seq += 1;
        let routes = |color| RouteState::Routes(Split::only(color));
        let step = step.map(|(from, to)| RouteStep { object: object.to_owned(), from: routes(from), to: routes(to) });
        let stamp = self.stamp();
        self.record(Event::Intent { write, object: object.to_owned(), stamp, step })
    }

    pub(crate) fn wrote(&mut self, write: Write, object: &str) -> &mut Self {
        let stamp = self.stamp();
        self.record(Event::Wrote { write, object: object.to_owned(), stamp, complete: true })
    }

    /// A write that takes 4 ms.
    pub(crate) fn write(&mut self, write: Write, object: &str, step: Option<(Color, Color)>) -> &mut Self {
        self.intent(write, object, step).after(4).wrote(write, object)
    }

    pub(crate) fn unsure(&mut self, write: Write, object: &str) -> &mut Self {
        let (stamp, error) = (self.stamp(), "no answer from the API server within 10s".to_owned());
        self.record(Event::Unsure { write, object: object.to_owned(), stamp, error })
    }

    pub(crate) fn passed(&mut self, check: Check, summary: &str) -> &mut Self {
        self.record(Event::Passed { check, summary: summary.to_owned() })
    }

    pub(crate) fn sample(&mut self, source: &str, measure: Measure, summary: &str) -> &mut Self {
        let color = if source == "guard" { Color::Blue } else { Color::Green };
        let (source, summary) = (source.to_owned(), summary.to_owned());
        self.record(Event::Sampled(Sample { source, color, seconds: 5.0, measure, summary }))
    }

    /// What all sources say every five seconds while nothing is wrong.
    pub(crate) fn good_samples(&mut self, times: u32) -> &mut Self {
        for _ in 0..times {
            self.after(5_000)
                .sample("pods", Measure::Counts { bad: 0, total: 3 }, "")
                .sample("guard", Measure::Counts { bad: 0, total: 3 }, "")
                .sample("probe 1", Measure::Counts { bad: 0, total: 1 }, "GET http://10.96.0.17/health: 200")
                .sample("signal 1", Measure::Counts { bad: 1, total: 4_000 }, "");
        }
        self
    }

    pub(crate) fn raised_and_deployed(&mut self) -> &mut Self {
        self.write(Write::Raise, "Service/checkout", Some((Color::Blue, Color::Blue)))
            .stage(Stage::Deploy)
            .record(Event::Capacity { replicas: 3 })
            .write(Write::Deploy(Color::Green), "Deployment/checkout-green", None)
            .stage(Stage::Ready)
    }

    pub(crate) fn switched(&mut self) -> &mut Self {
        let way_back =
            Event::WayBack { open: true, reason: "3 replicas of blue are ready".to_owned(), serving: 3, restarts: 0 };
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

    pub(crate) fn watching(&mut self) -> &mut Self {
        self.switched()
            .stage(Stage::Converge)
            .after(310)
            .passed(Check::Converged, "3 endpoints of green, none of blue")
            .after(10_000)
            .passed(Check::Settled, "10 s passed")
            .stage(Stage::Watch)
    }

    pub(crate) fn promoted(&mut self) -> &mut Self {
        self.record(Event::Judged { verdict: Verdict::Pass, reason: "nothing failed in 1800s".to_owned() })
            .stage(Stage::Retire)
            .write(Write::Retire(Color::Blue), "Deployment/checkout-blue", None)
            .stage(Stage::End)
            .record(Event::Ended(End::Promoted { proven: true }))
    }

    pub(crate) fn returned(&mut self, reason: &str) -> &mut Self {
        self.stage(Stage::RollBack)
            .record(Event::Decided(Ending::RollBack { reason: reason.to_owned(), forced: false }))
            .write(Write::SwitchBack, "Service/checkout", Some((Color::Green, Color::Blue)))
            .after(120)
            .passed(Check::Returned, "3 endpoints of blue, none of green")
    }

    pub(crate) fn report(&self) -> Report {
        Report::from_records(&self.records)
    }
}

fn plan() -> PlanSpec {
    let watch = WatchSpec {
        duration: Duration::from_secs(1_800),
        interval: Duration::from_secs(5),
        probes: vec![ProbeSpec { probe: Description::new("HttpProbe").with("path", "/health"), consecutive: 3 }],
        signals: vec![SignalSpec {
            signal: Description::new("RequestErrors"),
            criterion: Criterion::error_rate(0.01, 50),
        }],
        pods: PodLimits::default(),
        guard: Guard::default(),
    };
    PlanSpec { watch: Some(watch), ..PlanSpec::new(Target::new("shop", "checkout")) }
}
