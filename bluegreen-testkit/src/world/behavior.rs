//! How the pods of a release behave.

use std::fmt;
use std::time::Duration;

use super::time::{percent, span};

/// What the pods of a release do, each by its own time; set with [`World::behaves`](super::World::behaves).
///
/// Durations count from the moment a pod became ready.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behavior {
    pub(crate) fate: Fate,
    pub(crate) failing: Option<Failing>,
    pub(crate) slow: Option<Slow>,
    pub(crate) start_time: Option<Duration>,
}

/// What becomes of a pod's readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    StaysReady,
    NeverReady,
    ImageMissing,
    CrashingAfter(Duration),
    UnreadyAfter(Duration),
}

/// Bad answers of a ready pod.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Failing {
    pub(crate) share: f64,
    pub(crate) from: Duration,
}

/// Slow answers of a ready pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slow {
    pub(crate) latency: Duration,
    pub(crate) from: Duration,
}

impl Behavior {
    /// Gets ready, stays ready, and answers every request well.
    #[must_use]
    pub const fn healthy() -> Self {
        Self::fated(Fate::StaysReady)
    }

    /// Runs, but never says that it is ready.
    #[must_use]
    pub const fn never_ready() -> Self {
        Self::fated(Fate::NeverReady)
    }

    /// Never starts, because its image can't be fetched.
    #[must_use]
    pub const fn image_missing() -> Self {
        Self::fated(Fate::ImageMissing)
    }

    /// Exits `after` it became ready, is started again after a growing pause (10 s, doubled up to 5 min), and so on.
    /// With a duration of zero it crashes while it starts and is never ready.
    #[must_use]
    pub const fn crashing_after(after: Duration) -> Self {
        Self::fated(Fate::CrashingAfter(after))
    }

    /// Goes unready `after` it became ready, and stays so without a restart.
    #[must_use]
    pub const fn unready_after(after: Duration) -> Self {
        Self::fated(Fate::UnreadyAfter(after))
    }

    /// Is ready, but answers `share` (0 to 1) of the requests badly; from the start unless told [`from`](Self::from) when.
    #[must_use]
    pub const fn failing(share: f64) -> Self {
        Self {
            fate: Fate::StaysReady,
            failing: Some(Failing { share: share.clamp(0.0, 1.0), from: Duration::ZERO }),
            ..Self::healthy()
        }
    }

    /// Is ready, but takes `latency` for each answer, instead of 20 ms; from the start unless told [`from`](Self::from)
    /// when.
    #[must_use]
    pub const fn slow(latency: Duration) -> Self {
        Self { slow: Some(Slow { latency, from: Duration::ZERO }), ..Self::healthy() }
    }

    /// Lets what [`failing`](Self::failing) or [`slow`](Self::slow) says begin `from` this long after a pod became ready.
    #[must_use]
    pub const fn from(mut self, from: Duration) -> Self {
        if let Some(failing) = &mut self.failing {
            failing.from = from;
        }
        if let Some(slow) = &mut self.slow {
            slow.from = from;
        }
        self
    }

    /// Sets how long a pod takes from its creation, or from a restart, to readiness, instead of the world's own time.
    #[must_use]
    pub const fn starting_in(mut self, start_time: Duration) -> Self {
        self.start_time = Some(start_time);
        self
    }

    const fn fated(fate: Fate) -> Self {
        Self { fate, failing: None, slow: None, start_time: None }
    }
}

impl fmt::Display for Behavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fate, self.failing, self.slow) {
            (Fate::StaysReady, None, None) => f.write_str("works well"),
            (Fate::StaysReady, Some(Failing { share, from }), _) => {
                write!(f, "answers {} of its requests badly{}", percent(share), begin(from))
            }
            (Fate::StaysReady, None, Some(Slow { latency, from })) => {
                write!(f, "takes {} for each answer{}", span(latency), begin(from))
            }
            (Fate::NeverReady, ..) => f.write_str("never gets ready"),
            (Fate::ImageMissing, ..) => f.write_str("has no image"),
            (Fate::CrashingAfter(after), ..) => write!(f, "crashes {} after its pods are ready", span(after)),
            (Fate::UnreadyAfter(after), ..) => write!(f, "goes unready {} after its pods are ready", span(after)),
        }?;
        self.start_time.map_or(Ok(()), |start| write!(f, ", starting in {}", span(start)))
    }
}

/// When something begins, unless it does at once.
fn begin(from: Duration) -> String {
    if from.is_zero() { String::new() } else { format!(", {} after its pods are ready", span(from)) }
}
