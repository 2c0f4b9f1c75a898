//! What is printed: for people a line for each thing that happens, for programs JSON.

use std::fmt::Display;
use std::io::{Write, stdout};

use bluegreen_core::{Event, Finding, Update};
use serde::Serialize;

use crate::Result;

pub(crate) fn print<T: Display + Serialize>(value: &T, json: bool) -> Result<()> {
    let text = if json { serde_json::to_string(value)? } else { value.to_string() };
    Ok(writeln!(stdout(), "{}", text.trim_end())?)
}

/// What the checks found; 1 if anything speaks against a rollout.
pub(crate) fn findings(findings: &[(String, Finding)]) -> i32 {
    for (check, finding) in findings {
        eprintln!("{check} {finding}");
    }
    findings.iter().any(|(_, finding)| matches!(finding, Finding::Failed { .. })).into()
}

/// Samples are summed up in the report, and a write is told when it is done.
pub(crate) fn tell(update: &Update, json: bool) -> Result<()> {
    let quiet = |update: &Update| match update {
        Update::Recorded(record) => matches!(record.event, Event::Sampled(_) | Event::Intent { .. }),
        Update::Waiting(_) => true,
        _ => false,
    };
    if json || !quiet(update) { print(update, json) } else { Ok(()) }
}
