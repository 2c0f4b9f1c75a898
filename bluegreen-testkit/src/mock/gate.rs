//! The double of `Gate`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, Gate, GateContext, GateDecision};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`Gate`].
    #[derive(Debug)]
    pub Gate {}

    #[async_trait]
    impl Gate for Gate {
        fn describe(&self) -> Description;
        async fn decide(&self, context: &GateContext) -> Result<GateDecision, BackendError>;
    }
}

impl MockGate {
    /// Puts the mock in front of `gate`, which answers whatever no expectation is left for.
    pub fn over<B: Gate>(self, gate: B) -> Over<Self, B> {
        Over::new(self, gate)
    }
}

impl<B: Gate> Double<B> for MockGate {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        self.expect_decide().returning(|_| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: Gate> Gate for Over<MockGate, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    async fn decide(&self, context: &GateContext) -> Result<GateDecision, BackendError> {
        answer!(self.decide(context))
    }
}
