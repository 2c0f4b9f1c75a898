//! Decisions and preconditions of the world.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Description, Finding, Gate, GateContext, GateDecision, Preflight, PreflightContext,
};

use super::fault::Site;
use super::shared::Shared;

/// The gate of a [`World`](super::World): says what [`World::decide`](super::World::decide) set, and until then to ask
/// again in a second.
#[derive(Debug, Clone)]
pub struct WorldGate {
    shared: Arc<Shared>,
}

impl WorldGate {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl Gate for WorldGate {
    fn describe(&self) -> Description {
        Description::new("WorldGate")
    }

    async fn decide(&self, _context: &GateContext) -> Result<GateDecision, BackendError> {
        let site = Site::new("gate.decide", "ask", "the gate");
        self.shared.call(site, |state| Ok(state.decision.clone())).await
    }
}

/// The precondition of a [`World`](super::World): holds unless
/// [`World::preflight_fails`](super::World::preflight_fails) was told.
#[derive(Debug, Clone)]
pub struct WorldPreflight {
    shared: Arc<Shared>,
}

impl WorldPreflight {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl Preflight for WorldPreflight {
    fn describe(&self) -> Description {
        Description::new("WorldPreflight")
    }

    async fn check(&self, _context: &PreflightContext) -> Result<Finding, BackendError> {
        let site = Site::new("preflight.check", "check", "the preconditions");
        self.shared
            .call(site, |state| {
                Ok(match state.preflight_failure.clone() {
                    Some(message) => Finding::Failed { message },
                    None => Finding::Passed { message: "the world is as it should be".to_owned() },
                })
            })
            .await
    }
}
