//! What a caller gets back.

use crate::record::End;
use crate::report::Report;

/// How a rollout ended, with its report.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Outcome {
    /// The new release serves.
    Promoted(Box<Report>),
    /// The release served already; nothing was written.
    AlreadyActive(Box<Report>),
    /// It ended before traffic moved; the old release serves as before.
    Aborted(Box<Report>),
    /// Traffic is back on the old release.
    RolledBack(Box<Report>),
    /// It stopped where it was; a person has to decide. The report says what to do.
    Halted(Box<Report>),
    /// Another holder took the route; it stopped, writing nothing more.
    Superseded(Box<Report>),
}

impl Outcome {
    pub(crate) fn new(end: &End, report: Report) -> Self {
        let report = Box::new(report);
        match end {
            End::Promoted { .. } => Self::Promoted(report),
            End::AlreadyActive => Self::AlreadyActive(report),
            End::Aborted { .. } => Self::Aborted(report),
            End::RolledBack { .. } => Self::RolledBack(report),
            End::Halted { .. } => Self::Halted(report),
            End::Superseded { .. } => Self::Superseded(report),
        }
    }

    /// The report: what happened, when, and why.
    #[must_use]
    pub fn report(&self) -> &Report {
        match self {
            Self::Promoted(report)
            | Self::AlreadyActive(report)
            | Self::Aborted(report)
            | Self::RolledBack(report)
            | Self::Halted(report)
            | Self::Superseded(report) => report,
        }
    }

    /// Whether the release that was asked for serves now.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Promoted(_) | Self::AlreadyActive(_))
    }

    /// Whether the new release serves.
    #[must_use]
    pub const fn is_promoted(&self) -> bool {
        matches!(self, Self::Promoted(_))
    }

    /// Whether it ended before traffic moved.
    #[must_use]
    pub const fn is_aborted(&self) -> bool {
        matches!(self, Self::Aborted(_))
    }

    /// Whether traffic returned to the old release.
    #[must_use]
    pub const fn is_rolled_back(&self) -> bool {
        matches!(self, Self::RolledBack(_))
    }

    /// Whether a person has to decide.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        matches!(self, Self::Halted(_))
    }

    /// Whether another holder took the route.
    #[must_use]
    pub const fn is_superseded(&self) -> bool {
        matches!(self, Self::Superseded(_))
    }

    /// A number for the end of a program: 0 if the release serves, 2 aborted, 3 rolled back, 4 halted, 5 superseded.
    #[must_use]
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Promoted(_) | Self::AlreadyActive(_) => 0,
            Self::Aborted(_) => 2,
            Self::RolledBack(_) => 3,
            Self::Halted(_) => 4,
            Self::Superseded(_) => 5,
        }
    }
}
