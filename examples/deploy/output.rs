//! What is printed: for people a line for each thing that happens, for programs JSON.

use std::fmt::Display;
use std::io::{Write, stdout};

use bluegreen_core::{Event, Finding, Record, Report, Update};
use serde::Serialize;

use crate::Result;

pub(crate) fn print<T: Display + Serialize>(value: &T, json: bool) -> Result<()> {
    let mut out = stdout();
    Ok(if json {
        writeln!(out, "{}", serde_json::to_string(value)?)
    } else {
        writeln!(out, "\n{}", value.to_string().trim_end())
    }?)
}

/// What the checks found; 1 if anything speaks against a rollout.
pub(crate) fn findings(findings: &[(String, Finding)]) -> Result<i32> {
    for (check, finding) in findings {
        let (found, message) = match finding {
            Finding::Passed { message } => ("passed", message),
            Finding::Warning { message } => ("warns", message),
            Finding::Failed { message } => ("failed", message),
        };
        writeln!(std::io::stderr(), "{check} {found}: {message}")?;
    }
    Ok(findings.iter().any(|(_, finding)| matches!(finding, Finding::Failed { .. })).into())
}

/// What has happened so far, for a report of it, which has words for everything.
#[derive(Default)]
pub(crate) struct Story {
    records: Vec<Record>,
    told: usize,
}

impl Story {
    pub(crate) fn tell(&mut self, update: &Update, json: bool) -> Result<()> {
        let record = match update {
            update if json => return Ok(writeln!(stdout(), "{}", serde_json::to_string(update)?)?),
            // Good samples are in the report at the end, and the verdict names bad ones.
            Update::Recorded(record) if !matches!(record.event, Event::Sampled(_)) => record,
            _ => return Ok(()),
        };
        self.records.push((**record).clone());
        // A write is told with its outcome.
        if !matches!(record.event, Event::Intent { .. }) {
            let timeline = Report::from_records(&self.records).timeline;
            for entry in timeline.iter().skip(self.told) {
                writeln!(stdout(), "{:.0}  {:12}  {}", entry.at, entry.stage, entry.what)?;
            }
            self.told = timeline.len();
        }
        Ok(())
    }
}
