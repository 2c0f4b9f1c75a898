//! A probe that says what it was told.

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, HealthProbe, ProbeReport, ProbeTarget, Verdict};

use super::script::Script;

/// A probe whose verdicts were decided beforehand, whatever it is pointed at. Needs no address.
///
/// ```
/// use bluegreen_core::Verdict;
/// use bluegreen_testkit::fake::ScriptedProbe;
///
/// let healthy = ScriptedProbe::new([Verdict::Pass]);
/// let recovers = ScriptedProbe::new([Verdict::Fail, Verdict::Fail, Verdict::Pass]);
/// ```
#[derive(Debug, Clone)]
pub struct ScriptedProbe {
    script: Script<Verdict>,
}

impl ScriptedProbe {
    /// Comes to one of `verdicts` after the other, and then to the last for ever. With an empty list it can never tell
    /// ([`Verdict::Inconclusive`]).
    pub fn new(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        Self { script: Script::new(verdicts) }
    }

    /// How many checks were made.
    #[must_use]
    pub fn checks(&self) -> u64 {
        self.script.given()
    }
}

#[async_trait]
impl HealthProbe for ScriptedProbe {
    fn describe(&self) -> Description {
        Description::new("ScriptedProbe")
    }

    fn needs_address(&self) -> bool {
        false
    }

    async fn check(&self, _target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let verdict = self.script.next().unwrap_or(Verdict::Inconclusive);
        Ok(ProbeReport { verdict, summary: format!("scripted: {verdict}"), tries: 1 })
    }
}
