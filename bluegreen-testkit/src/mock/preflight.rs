//! The double of `Preflight`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, Finding, Preflight, PreflightContext};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`Preflight`].
    #[derive(Debug)]
    pub Preflight {}

    #[async_trait]
    impl Preflight for Preflight {
        fn describe(&self) -> Description;
        async fn check(&self, context: &PreflightContext) -> Result<Finding, BackendError>;
    }
}

impl MockPreflight {
    /// Puts the mock in front of `preflight`, which answers whatever no expectation is left for.
    pub fn over<B: Preflight>(self, preflight: B) -> Over<Self, B> {
        Over::new(self, preflight)
    }
}

impl<B: Preflight> Double<B> for MockPreflight {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        self.expect_check().returning(|_| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: Preflight> Preflight for Over<MockPreflight, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    async fn check(&self, context: &PreflightContext) -> Result<Finding, BackendError> {
        answer!(self.check(context))
    }
}
