//! What happened in a world, in order, as it can be read afterwards.

use std::fmt;
use std::time::Duration;

use bluegreen_core::{Event, Record, Stamp, Update};

use super::fault::Fault;

/// Everything that happened, in order.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    notes: Vec<(Duration, Note)>,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Note {
    /// A call was made.
    Called { number: u64, program: u32, name: &'static str, object: String, stamp: Option<Stamp>, fault: Option<Fault> },
    /// A write reached the world, at once or late.
    Landed { number: u64, refused: Option<String> },
    /// Records became durable.
    Recorded(Vec<Record>),
    /// A program died.
    Died { program: u32 },
    /// Somebody or something else changed the world.
    Happened(String),
    /// A law was broken.
    Broke(String),
}

impl Trace {
    pub(crate) fn note(&mut self, at: Duration, note: Note) {
        self.notes.push((at, note));
    }

    /// The whole trace, a line each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|(at, note)| format!("{:>10.3} s  {note}", at.as_secs_f64()))
    }

    /// What is worth telling: writes and everything that went wrong, but not each look at the world.
    pub(crate) fn story(&self) -> impl Iterator<Item = String> {
        let told = self.notes.iter().filter(|(_, note)| note.is_worth_telling());
        told.map(|(at, note)| format!("{:>10.3} s  {note}", at.as_secs_f64()))
    }
}

impl Note {
    fn is_worth_telling(&self) -> bool {
        match self {
            Self::Called { stamp, fault, .. } => stamp.is_some() || fault.is_some(),
            Self::Recorded(records) => records.iter().any(is_told),
            _ => true,
        }
    }
}

/// Samples are many, and intents are told by the calls that follow.
fn is_told(record: &Record) -> bool {
    !matches!(record.event, Event::Sampled(_) | Event::Intent { .. })
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Called { number, program, name, object, stamp, fault } => {
                write!(f, "call {number}")?;
                if *program > 1 {
                    write!(f, " of program {program}")?;
                }
                write!(f, ": {name} {object}")?;
                if let Some(stamp) = stamp {
                    write!(f, ", leaving {stamp}")?;
                }
                fault.map_or(Ok(()), |fault| write!(f, " -> {fault}"))
            }
            Self::Landed { number, refused: None } => write!(f, "call {number} is done"),
            Self::Landed { number, refused: Some(why) } => write!(f, "call {number} is refused: {why}"),
            Self::Recorded(records) => {
                let told: Vec<_> = records
                    .iter()
                    .filter(|record| is_told(record))
                    .map(|record| Update::Recorded(Box::new(record.clone())).to_string())
                    .collect();
                write!(f, "journal: {}", told.join("; "))
            }
            Self::Died { program } => write!(f, "program {program} dies"),
            Self::Happened(what) => f.write_str(what),
            Self::Broke(what) => write!(f, "BROKEN: {what}"),
        }
    }
}
