//! What happened, in order: one entry for each thing that a person would tell.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::figures::{between, judge, started};
use super::words;
use crate::backend::{RouteStep, Verdict};
use crate::ids::Stamp;
use crate::plan::PlanSpec;
use crate::record::{Event, Record, Sample, Write};
use crate::span::span;
use crate::stage::Stage;

/// One thing that happened. A write is one thing, with its intent and its outcome; so is a row of bad samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// When it began.
    pub at: Timestamp,
    /// In which stage.
    pub stage: Stage,
    /// The member of a group that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// What, in words.
    pub what: String,
}

/// The timeline of a rollout with these records.
pub(super) fn of(records: &[Record]) -> Vec<Entry> {
    let mut timeline = Timeline {
        plan: started(records).map(|started| &started.plan),
        entries: Vec::new(),
        writes: BTreeMap::new(),
        bad: BTreeMap::new(),
    };
    for record in records {
        timeline.add(record);
    }
    timeline.close_writes();
    timeline.entries
}

struct Timeline<'a> {
    plan: Option<&'a PlanSpec>,
    entries: Vec<Entry>,
    /// The writes without a certain outcome, by their stamps.
    writes: BTreeMap<String, Open>,
    /// The sources whose last sample was bad or silent.
    bad: BTreeMap<&'a str, BadRow>,
}

/// A write without a certain outcome.
struct Open {
    entry: usize,
    since: Timestamp,
    unsure: bool,
}

/// Samples in a row that didn't pass.
struct BadRow {
    entry: usize,
    since: Timestamp,
    verdict: Verdict,
    samples: u32,
}

impl<'a> Timeline<'a> {
    fn add(&mut self, record: &'a Record) {
        match &record.event {
            Event::Intent { write, object, stamp, step } => self.intend(record, *write, object, stamp, step.as_ref()),
            Event::Wrote { write, object, stamp, .. } => {
                self.conclude(record, *write, object, stamp, |open, took| match open.unsure {
                    false => format!(" ({})", span(took)),
                    true => format!("; it had landed (seen after {})", span(took)),
                });
            }
            Event::Refused { write, object, stamp, error, .. } => {
                self.conclude(record, *write, object, stamp, |open, _| match open.unsure {
                    false => format!(": refused: {error}"),
                    true => format!("; it had not landed: {error}"),
                });
            }
            Event::Unsure { write, object, stamp, error } => self.doubt(record, *write, object, stamp, error),
            Event::Sampled(sample) => self.sample(record, sample),
            // Most decisions have their reason from the entry before.
            Event::Decided(ending) if self.has_just_told(ending.reason()) => {
                self.push(record, words::decided(ending).to_owned());
            }
            event => {
                if matches!(event, Event::Recovered { .. }) {
                    self.close_writes();
                }
                self.push(record, words::tell(event));
            }
        }
    }

    fn push(&mut self, record: &Record, what: String) {
        self.entries.push(Entry { at: record.at, stage: record.stage, member: record.member.clone(), what });
    }

    fn has_just_told(&self, reason: &str) -> bool {
        self.entries.last().is_some_and(|entry| {
            reason.split_once(": ").is_some_and(|(_, why)| entry.what.ends_with(why)) || entry.what.ends_with(reason)
        })
    }

    fn extend(&mut self, entry: usize, more: &str) {
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.what.push_str(more);
        }
    }

    fn intend(&mut self, record: &Record, write: Write, object: &str, stamp: &Stamp, step: Option<&RouteStep>) {
        let change = match step {
            Some(RouteStep { from, to, .. }) if from != to => format!(" {from} → {to}"),
            _ => String::new(),
        };
        let open = Open { entry: self.entries.len(), since: record.at, unsure: false };
        self.writes.insert(stamp.to_string(), open);
        self.push(record, format!("{write}: {object}{change}"));
    }

    /// Adds an outcome to the entry of its write.
    fn conclude(
        &mut self,
        record: &Record,
        write: Write,
        object: &str,
        stamp: &Stamp,
        outcome: impl FnOnce(&Open, Duration) -> String,
    ) {
        let open = self.writes.remove(&stamp.to_string()).unwrap_or_else(|| {
            self.push(record, format!("{write}: {object}"));
            Open { entry: self.entries.len() - 1, since: record.at, unsure: false }
        });
        let took = between(Some(open.since), Some(record.at)).unwrap_or_default();
        self.extend(open.entry, &outcome(&open, took));
    }

    fn doubt(&mut self, record: &Record, write: Write, object: &str, stamp: &Stamp, error: &str) {
        let mut still_open = None;
        self.conclude(record, write, object, stamp, |open, _| {
            still_open = Some(Open { unsure: true, ..*open });
            format!(": no answer: {error}")
        });
        if let Some(open) = still_open {
            self.writes.insert(stamp.to_string(), open);
        }
    }

    /// Says of the writes that nothing more is known of that it is so.
    fn close_writes(&mut self) {
        for open in std::mem::take(&mut self.writes).into_values() {
            if !open.unsure {
                self.extend(open.entry, ": no outcome is recorded");
            }
        }
    }

    /// Good samples are in the figures; bad and silent ones are told, once for all in a row.
    fn sample(&mut self, record: &Record, sample: &'a Sample) {
        let verdict = judge(self.plan, sample);
        let row = self.bad.remove(sample.source.as_str()).filter(|row| row.verdict == verdict);
        if verdict == Verdict::Pass {
            return;
        }
        let mut row = row.unwrap_or_else(|| {
            self.push(record, String::new());
            BadRow { entry: self.entries.len() - 1, since: record.at, verdict, samples: 0 }
        });
        row.samples += 1;
        let what = bad_samples(&row, record.at, sample);
        if let Some(entry) = self.entries.get_mut(row.entry) {
            entry.what = what;
        }
        self.bad.insert(&sample.source, row);
    }
}

fn bad_samples(row: &BadRow, until: Timestamp, sample: &Sample) -> String {
    let Sample { source, color, .. } = sample;
    let how = if row.verdict == Verdict::Fail { "bad" } else { "not conclusive" };
    let what = words::measured(sample);
    let took = between(Some(row.since), Some(until)).unwrap_or_default();
    match row.samples {
        1 => format!("{source} of {color} {how}: {what}"),
        samples => format!("{source} of {color} {how}, {samples} samples in {}: {what}", span(took)),
    }
}
