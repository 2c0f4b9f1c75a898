//! What people read of a rollout, made from its journal alone.

mod figures;
mod notes;
mod text;
mod timeline;
mod words;

use jiff::Timestamp;
use serde::Serialize;

pub use self::figures::{Counts, Figures, SourceFigures, WriteCount};
pub use self::timeline::Entry;
use crate::backend::Diagnosis;
use crate::color::Color;
use crate::ids::RolloutId;
use crate::record::{End, Event, Record};
use crate::release::Release;
use crate::target::Target;

/// What happened in a rollout, for people and for programs.
///
/// Made from records and nothing else, so the report of a rollout that another process performed, or that ended a year
/// ago, is the same. `Display` is for a terminal; `Serialize` is for everything else, with durations in seconds.
///
/// What only the first record tells is `None` where that record is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The rollout.
    pub rollout: Option<RolloutId>,
    /// Whose traffic it moves.
    pub target: Option<Target>,
    /// What it brings.
    pub release: Option<Release>,
    /// What served before, where that is known.
    pub old_release: Option<Release>,
    /// The color that served before.
    pub old: Option<Color>,
    /// The color that is to serve.
    pub new: Option<Color>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When the last thing happened: its end, once it has ended.
    pub last: Option<Timestamp>,
    /// How it ended; `None` while it hasn't.
    pub end: Option<End>,
    /// What a person should do now, if anything.
    pub next: Option<String>,
    /// What was counted and measured.
    pub figures: Figures,
    /// What didn't go as it should, but didn't decide the outcome either.
    pub notes: Vec<String>,
    /// What was found out about a color that failed.
    pub evidence: Vec<Evidence>,
    /// What happened, in order.
    pub timeline: Vec<Entry>,
}

/// What was found out about a color that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Which color.
    pub color: Color,
    /// What.
    pub diagnosis: Diagnosis,
}

impl Report {
    /// The report of the rollout with these records, all of them and in order. A rollout that hasn't ended has a report,
    /// too.
    #[must_use]
    pub fn from_records(records: &[Record]) -> Self {
        let mut report = Self {
            rollout: records.first().map(|record| record.rollout.clone()),
            started: records.first().map(|record| record.at),
            last: records.last().map(|record| record.at),
            figures: Figures::of(records),
            notes: notes::of(records),
            timeline: timeline::of(records),
            ..Self::default()
        };
        for record in records {
            report.note(&record.event);
        }
        report.next = report.what_to_do();
        report
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Started(started) => {
                self.target = Some(started.plan.target.clone());
                self.release = Some(started.release.clone());
                self.old_release.clone_from(&started.old_release);
                self.old = Some(started.old);
                self.new = Some(started.new);
            }
            Event::Evidence { color, diagnosis } => {
                self.evidence.push(Evidence { color: *color, diagnosis: diagnosis.clone() });
            }
            Event::Ended(end) => self.end = Some(end.clone()),
            _ => {}
        }
    }

    fn what_to_do(&self) -> Option<String> {
        let old = self.old.map_or("the old color", Color::as_str);
        let next = match self.end.as_ref() {
            Some(End::Promoted { proven: true } | End::AlreadyActive) => return None,
            Some(End::Promoted { proven: false }) => {
                format!(
                    "nothing was watched, so {old} was left running: scale it down once the release has proven itself"
                )
            }
            Some(End::Aborted { .. }) if self.figures.writes.is_empty() => {
                "nothing was written: mend what was found, then start again".to_owned()
            }
            Some(End::Aborted { .. }) => "no user saw the release: repair it, then start a new rollout".to_owned(),
            Some(End::RolledBack { .. }) => format!("{old} serves again: repair the release, then start a new rollout"),
            Some(End::Halted { next, .. }) => next.clone(),
            Some(End::Superseded { .. }) => {
                "follow the rollout that holds the route now; start a new one when it has ended".to_owned()
            }
            None => "it has not ended: recover it, unless its program is still running".to_owned(),
        };
        Some(next)
    }
}
