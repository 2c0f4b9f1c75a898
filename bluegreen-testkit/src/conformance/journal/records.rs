//! Records to put into journals.

use bluegreen_core::plan::PlanSpec;
use bluegreen_core::{
    Bucket, Check, Color, Diagnosis, End, Ending, Event, Holder, Kind, Measure, RECORD_VERSION, Record, Release,
    Request, RolloutId, RouteMark, RouteObject, RouteState, RouteStep, Sample, Snapshot, SnapshotObject, Split, Stage,
    Stamp, Started, Target, Verdict, Write,
};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

/// When the rollout that cases use began.
const BEGIN: Timestamp = Timestamp::constant(1_795_320_000, 123_456_789);

pub(super) fn target() -> Target {
    Target::new("shop", "checkout")
}

pub(super) fn rollout() -> RolloutId {
    RolloutId::new(BEGIN, 1)
}

/// The n-th of other rollouts, the later ones with the smaller names.
pub(super) fn other_rollout(number: u64) -> RolloutId {
    RolloutId::new(BEGIN, 0xff - number)
}

pub(super) fn record(second: u32, event: Event) -> Record {
    Record {
        v: RECORD_VERSION,
        at: BEGIN.saturating_add(i64::from(second).seconds()).unwrap_or(Timestamp::MAX),
        rollout: rollout(),
        holder: Holder::new(7),
        member: None,
        stage: Stage::Deploy,
        event,
    }
}

/// A small record that differs by its number.
pub(super) fn capacity(replicas: u32) -> Record {
    record(replicas, Event::Capacity { replicas })
}

pub(super) fn started(target: Target) -> Record {
    let started = Started {
        kind: Kind::Deploy,
        plan: PlanSpec::new(target),
        release: Release::image("registry.example/checkout:1.4.2").with_configuration("a1b2"),
        old: Color::Blue,
        new: Color::Green,
        old_release: None,
        found: vec![object()],
        takes_over: Some(RolloutId::from("20261101t000000-00000000".to_owned())),
    };
    record(0, Event::Started(Box::new(started)))
}

pub(super) fn ended() -> Record {
    record(60, Event::Ended(End::Promoted { proven: true }))
}

fn stamp() -> Stamp {
    Stamp { epoch: 3, seq: u64::MAX, holder: Holder::new(u64::MAX) }
}

fn object() -> RouteObject {
    let mark = RouteMark {
        stamp: stamp(),
        split: Split::percent(Color::Green, 10),
        rollout: rollout(),
        origin: Color::Blue,
        ended: true,
    };
    RouteObject {
        name: "Service/checkout".to_owned(),
        version: "4711".to_owned(),
        state: RouteState::Foreign("selector app=\"checkout\"\nmatches both".to_owned()),
        exact: json!({ "app": "checkout", "color": null, "weights": [1, 2.5, true] }),
        mark: Some(mark),
        changed: None,
    }
}

/// Records with everything that is hard to keep: long and empty texts, line ends, other scripts, numbers at their limits,
/// fractions, nothing at all.
pub(super) fn hard_to_keep() -> Vec<Record> {
    let step = RouteStep {
        object: "Service/checkout".to_owned(),
        from: RouteState::Absent,
        to: RouteState::Routes(Split::only(Color::Green)),
    };
    let intent = Event::Intent {
        write: Write::Shift(2),
        object: "Service/\u{201c}\u{fc}\u{1f7e2}\u{201d}\r\n\t\\\"\u{0}\u{2028}".to_owned(),
        stamp: stamp(),
        step: Some(step),
    };
    let sample = |measure| {
        let sample = Sample {
            source: String::new(),
            color: Color::Green,
            seconds: 0.1 + 0.2,
            measure,
            summary: "x".repeat(100_000),
        };
        Event::Sampled(sample)
    };
    let buckets = [(0.005, 0), (f64::INFINITY, u64::MAX)];
    let buckets = buckets.map(|(at_most_seconds, count)| Bucket { at_most_seconds, count }).into();
    let content = json!({ "spec": { "replicas": 3, "large": u64::MAX, "small": i64::MIN, "nothing": null } });
    let snapshot = Snapshot {
        color: Color::Blue,
        objects: vec![SnapshotObject { name: "Deployment/checkout-blue".to_owned(), content }],
    };
    let diagnosis = Diagnosis {
        causes: vec![String::new(), "Pod/a: CrashLoop".to_owned()],
        evidence: [("Pod/a log".to_owned(), "{\"event\":\"ended\"}\n".to_owned())].into(),
    };
    let events = [
        intent,
        Event::Begun { check: Check::Smoke(3) },
        Event::Failed { check: Check::Pin(Color::Blue), verdict: Verdict::Inconclusive, summary: String::new() },
        sample(Measure::Counts { bad: 0, total: u64::MAX }),
        sample(Measure::Gauge { value: f64::MIN_POSITIVE }),
        sample(Measure::Latency { buckets }),
        sample(Measure::NoData { why: "no answer".to_owned() }),
        Event::Asked { request: Request::RollBack { reason: "}{".to_owned(), force: true }, by: "ann".to_owned() },
        Event::Decided(Ending::RollBack { reason: "too many errors".to_owned(), forced: false }),
        Event::Evidence { color: Color::Green, diagnosis },
        Event::Kept { snapshot },
    ];
    let records = (1..).zip(events).map(|(second, event)| record(second, event));
    let member = Record { member: Some("cart".to_owned()), stage: Stage::Switch, ..capacity(u32::MAX) };
    [started(target())].into_iter().chain(records).chain([member, ended()]).collect()
}
