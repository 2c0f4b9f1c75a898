//! What was tried.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What an [`Explorer`](super::Explorer) tried, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// The calls of a run in which nothing goes wrong.
    pub calls: u64,
    /// Of these, those that change something.
    pub writes: u64,
    /// Of these, the appends to the journal: after each is a step boundary.
    pub appends: u64,
    /// Runs with one mishap.
    pub singles: u64,
    /// Runs with two.
    pub pairs: u64,
    /// Runs with three.
    pub triples: u64,
    /// Pairs that there are.
    pub possible_pairs: u64,
    /// How the runs ended, by the name of the end.
    pub ends: BTreeMap<String, u64>,
    /// Calls that were made in all runs.
    pub calls_in_all: u64,
    /// How long the runs took, by the wall clock.
    pub took: Duration,
}

impl Coverage {
    /// All runs; no two of them are the same.
    #[must_use]
    pub const fn runs(&self) -> u64 {
        1 + self.singles + self.pairs + self.triples
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} runs ({} single mishaps, {} of {} pairs, {} triples) of a rollout with {} calls, {} of them writes, and {} appends",
            self.runs(),
            self.singles,
            self.pairs,
            self.possible_pairs,
            self.triples,
            self.calls,
            self.writes,
            self.appends,
        )?;
        let ends: Vec<_> = self.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        writeln!(f, "ended: {}", ends.join(", "))?;
        let each = self.took / u32::try_from(self.runs()).unwrap_or(u32::MAX).max(1);
        write!(f, "{} calls in {:.1?}, {each:.1?} a run", self.calls_in_all, self.took)
    }
}
