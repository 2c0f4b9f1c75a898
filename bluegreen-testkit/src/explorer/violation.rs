//! What was found.

use std::fmt;

use super::script::Script;

/// A run in which something doesn't hold that always has to, made as short as it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// What went wrong in it.
    pub script: Script,
    /// What doesn't hold.
    pub problems: Vec<String>,
    /// What happened, a line each.
    pub story: Vec<String>,
    /// After how many runs it was found.
    pub runs: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "found in run {}:", self.runs)?;
        for problem in &self.problems {
            writeln!(f, "  - {problem}")?;
        }
        writeln!(f, "what happened:")?;
        for line in &self.story {
            writeln!(f, "  {line}")?;
        }
        write!(f, "to run it again: explorer.replay(\"{}\")", self.script)
    }
}

impl std::error::Error for Violation {}
