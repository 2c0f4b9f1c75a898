//! A gate that a test opens.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, Gate, GateContext, GateDecision};
use tokio::sync::watch;
use tokio::time::timeout;

/// How soon an undecided gate wants to be asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// A gate that a test opens or closes, while the rollout waits or before. Until then it says to ask again in a second.
#[derive(Debug, Clone)]
pub struct ManualGate {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    decision: Option<GateDecision>,
    asked: u64,
}

impl Default for ManualGate {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualGate {
    /// A gate that nobody has decided about.
    #[must_use]
    pub fn new() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }

    /// Says go from now on.
    pub fn open(&self, by: impl Into<String>, reason: impl Into<String>) {
        self.decide(GateDecision::Go { by: by.into(), reason: reason.into() });
    }

    /// Says no from now on.
    pub fn close(&self, by: impl Into<String>, reason: impl Into<String>) {
        self.decide(GateDecision::No { by: by.into(), reason: reason.into() });
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.state.borrow().asked
    }

    /// Waits until a rollout has asked; at most `within`. Returns whether one has.
    pub async fn until_asked(&self, within: Duration) -> bool {
        let mut state = self.state.subscribe();
        let asked = timeout(within, state.wait_for(|state| state.asked > 0)).await;
        matches!(asked, Ok(Ok(_)))
    }

    fn decide(&self, decision: GateDecision) {
        self.state.send_modify(|state| state.decision = Some(decision));
    }
}

#[async_trait]
impl Gate for ManualGate {
    fn describe(&self) -> Description {
        Description::new("ManualGate")
    }

    async fn decide(&self, _context: &GateContext) -> Result<GateDecision, BackendError> {
        self.state.send_modify(|state| state.asked += 1);
        Ok(self.state.borrow().decision.clone().unwrap_or(GateDecision::AskAgain(AGAIN)))
    }
}
