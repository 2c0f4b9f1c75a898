//! What the engine answers.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use crate::backend::Endpoint;
use crate::color::Color;
use crate::record::{Check, End, Event, On, Write};
use crate::stage::Stage;

/// What to journal, and what to do then.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The stage in which this is.
    pub stage: Stage,
    /// Events that follow from what is known; they have to be durable before `then` has an effect.
    pub record: Vec<Event>,
    /// What to do.
    pub then: Then,
}

/// What to do next. Asked again, the engine says whether it is still to be done: a driver drops what is no longer wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Ask again at once, with the recorded events.
    Again,
    /// Read this from the system itself.
    Read(On),
    /// Perform a write: journal its intent, send it, journal what came of it.
    Write {
        /// Which.
        write: Write,
        /// On which object of the route; `None`: a color, or the next object that the router names.
        object: Option<String>,
        /// How many replicas, where the write sets them.
        replicas: u32,
    },
    /// Run an activity, unless it runs already, and journal what came of it.
    Run {
        /// Which.
        activity: Activity,
        /// When to ask again at the latest.
        until: Option<Timestamp>,
    },
    /// Wait for something to be seen or asked.
    Wait {
        /// For what, and what was seen last.
        what: String,
        /// When to ask again at the latest.
        until: Option<Timestamp>,
    },
    /// The rollout has ended.
    Done(End),
}

/// Something that takes its time and changes no stamped object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// Run all preflights.
    Preflight,
    /// Copy what may be changed.
    Backup,
    /// Run the migration; `resumed` if another process may have begun it.
    Migrate {
        /// Whether another process may have begun it.
        resumed: bool,
    },
    /// Try the old release on the new schema.
    OldRelease,
    /// Pin a color's autoscaler, or give it back.
    Pin {
        /// Which color.
        color: Color,
        /// The minimum; `None` gives back.
        minimum: Option<u32>,
    },
    /// Make sure that there is a preview path to a color.
    PreparePreview(Color),
    /// Run a probe once.
    Probe {
        /// Of which list.
        stage: ProbeStage,
        /// Which of the list.
        index: usize,
    },
    /// Ask the gate.
    Approve,
    /// Wait for proof that traffic goes to exactly these endpoints.
    Converge {
        /// What the proof is for.
        proves: Check,
        /// The color.
        color: Color,
        /// Its endpoints.
        endpoints: BTreeSet<Endpoint>,
    },
    /// Ask a color to finish its connections.
    BeginDrain {
        /// The color.
        color: Color,
        /// What runs in it.
        endpoints: BTreeSet<Endpoint>,
    },
    /// Get connections off a color, and wait until they are gone.
    Drain {
        /// The color.
        color: Color,
        /// Its endpoints.
        endpoints: BTreeSet<Endpoint>,
    },
    /// Tell a color that it serves again.
    CancelDrain(Color),
    /// Find out why a color failed.
    Diagnose(Color),
}

impl Activity {
    /// The check that it decides.
    #[must_use]
    pub const fn check(&self) -> Check {
        match self {
            Self::Preflight => Check::Preflight,
            Self::Backup => Check::Backup,
            Self::Migrate { .. } => Check::Migration,
            Self::OldRelease => Check::OldRelease,
            Self::Pin { color, minimum: Some(_) } => Check::Pin(*color),
            Self::Pin { color, minimum: None } => Check::Unpin(*color),
            Self::PreparePreview(_) => Check::Preview,
            Self::Probe { stage, index } => match stage {
                ProbeStage::Smoke => Check::Smoke(*index),
                ProbeStage::WarmUp => Check::WarmUp(*index),
                ProbeStage::FinalNew => Check::FinalNew(*index),
                ProbeStage::FinalOld => Check::FinalOld(*index),
            },
            Self::Approve => Check::Approval,
            Self::Converge { proves, .. } => *proves,
            Self::BeginDrain { color, .. } => Check::DrainBegun(*color),
            Self::Drain { color, .. } => Check::Drained(*color),
            Self::CancelDrain(_) => Check::DrainCancelled,
            Self::Diagnose(_) => Check::Evidence,
        }
    }
}

/// What is waited for.
impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preflight => f.write_str("all preflights to pass"),
            Self::Backup => f.write_str("copies of what may be changed"),
            Self::Migrate { .. } => f.write_str("the migration to end"),
            Self::OldRelease => f.write_str("the old release to work on the new schema"),
            Self::Pin { color, minimum: Some(minimum) } => write!(f, "{color}'s autoscaler to keep at least {minimum}"),
            Self::Pin { color, minimum: None } => write!(f, "{color}'s autoscaler to be given back"),
            Self::PreparePreview(color) => write!(f, "a preview path to {color}"),
            Self::Probe { .. } => write!(f, "{} to pass", self.check()),
            Self::Approve => f.write_str("somebody to approve"),
            Self::Converge { color, .. } => write!(f, "proof that traffic arrived on {color}"),
            Self::BeginDrain { color, .. } => write!(f, "{color} to be asked to finish its connections"),
            Self::Drain { color, .. } => write!(f, "open connections to leave {color}"),
            Self::CancelDrain(color) => write!(f, "{color} to be told that it serves again"),
            Self::Diagnose(color) => write!(f, "evidence about {color}"),
        }
    }
}

/// Where in a rollout a probe is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStage {
    /// The new color, before traffic.
    Smoke,
    /// The new color, to warm it up.
    WarmUp,
    /// The new color, right before the switch.
    FinalNew,
    /// The old color, right before the switch.
    FinalOld,
}
