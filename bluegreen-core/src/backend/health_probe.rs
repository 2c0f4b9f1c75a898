//! Asking a color whether it works.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Address, BackendError, Description, Endpoint, Verdict, Via};
use crate::color::Color;

/// Checks one color through a given path.
#[async_trait]
pub trait HealthProbe: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// Whether [`ProbeTarget::address`] must be there. A plan that can't give one is refused.
    fn needs_address(&self) -> bool;

    /// Checks, with as many tries as the probe is set to, or one if the target says so, and returns within the probe's own deadline. May be called
    /// again, and dropped at any time; a dropped check counts as [`Verdict::Cancelled`].
    ///
    /// A target that answers badly or not at all is a report with [`Verdict::Fail`], not an error. An error means that
    /// the probe itself couldn't work, and never counts as healthy.
    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError>;
}

/// What a [`HealthProbe`] is pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget {
    /// The color that is to be judged.
    pub color: Color,
    /// The path that is taken.
    pub via: Via,
    /// Where the path begins.
    pub address: Option<Address>,
    /// The color's own endpoints, for probes that ask each of them.
    pub endpoints: Vec<Endpoint>,
    /// Try only once, whatever the probe is set to: the caller looks again and again, and counts for itself.
    pub once: bool,
}

/// What a [`HealthProbe`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// What it came to.
    pub verdict: Verdict,
    /// One sentence: what was asked, what came back, how many tries.
    pub summary: String,
    /// How many tries were made.
    pub tries: u32,
}
