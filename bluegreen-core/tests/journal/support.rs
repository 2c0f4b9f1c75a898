//! Records, and journals to put them in.

use std::path::PathBuf;

use bluegreen_core::plan::PlanSpec;
use bluegreen_core::{
    Color, End, Event, FileJournal, Holder, Journal, JournalError, Kind, Log, Measure, RECORD_VERSION, Record, Release,
    RolloutId, Sample, Stage, Stamp, Started, Target, Write,
};
use jiff::Timestamp;
use tempfile::TempDir;

pub(crate) fn target() -> Target {
    Target::new("shop", "checkout")
}

pub(crate) fn rollout() -> RolloutId {
    RolloutId::new(at(0), 1)
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_320_000 + second).unwrap()
}

pub(crate) fn record(second: i64, event: Event) -> Record {
    Record {
        v: RECORD_VERSION,
        at: at(second),
        rollout: rollout(),
        holder: Holder::new(7),
        member: None,
        stage: Stage::Deploy,
        event,
    }
}

pub(crate) fn started() -> Record {
    let started = Started {
        kind: Kind::Deploy,
        plan: PlanSpec::new(target()),
        release: Release::image("registry.example/checkout:1.4.2"),
        old: Color::Blue,
        new: Color::Green,
        old_release: None,
        found: Vec::new(),
        takes_over: None,
    };
    record(0, Event::Started(Box::new(started)))
}

pub(crate) fn capacity(replicas: u32) -> Record {
    record(i64::from(replicas), Event::Capacity { replicas })
}

pub(crate) fn intent() -> Record {
    let event = Event::Intent {
        write: Write::Deploy(Color::Green),
        object: "Deployment/checkout-green “ü”\n".to_owned(),
        stamp: Stamp { epoch: 3, seq: 1, holder: Holder::new(7) },
        step: None,
    };
    record(4, event)
}

pub(crate) fn sampled(measure: Measure) -> Record {
    let sample =
        Sample { source: "signal 1".to_owned(), color: Color::Green, seconds: 5.0, measure, summary: String::new() };
    record(5, Event::Sampled(sample))
}

pub(crate) fn ended() -> Record {
    record(9, Event::Ended(End::Promoted { proven: true }))
}

/// A folder with a journal in it that holds `records`, each appended alone.
pub(crate) async fn folder_with(records: &[Record]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path()).unwrap();
    for (position, record) in records.iter().enumerate() {
        append(&journal, position as u64, std::slice::from_ref(record)).await.unwrap();
    }
    let path = folder.path().join(format!("shop/checkout/{}.jsonl", rollout()));
    (folder, path)
}

pub(crate) async fn append(journal: &dyn Journal, position: u64, records: &[Record]) -> Result<(), JournalError> {
    journal.append(&target(), &rollout(), position, records).await
}

pub(crate) async fn load(journal: &dyn Journal) -> Result<Log, JournalError> {
    journal.load(&target(), &rollout()).await
}
