//! The double of `HealthProbe`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, HealthProbe, ProbeReport, ProbeTarget};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`HealthProbe`].
    #[derive(Debug)]
    pub HealthProbe {}

    #[async_trait]
    impl HealthProbe for HealthProbe {
        fn describe(&self) -> Description;
        fn needs_address(&self) -> bool;
        async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError>;
    }
}

impl MockHealthProbe {
    /// Puts the mock in front of `probe`, which answers whatever no expectation is left for.
    pub fn over<B: HealthProbe>(self, probe: B) -> Over<Self, B> {
        Over::new(self, probe)
    }
}

impl<B: HealthProbe> Double<B> for MockHealthProbe {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        let behind = Arc::clone(backend);
        self.expect_needs_address().returning(move || behind.needs_address());
        self.expect_check().returning(|_| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: HealthProbe> HealthProbe for Over<MockHealthProbe, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    fn needs_address(&self) -> bool {
        self.lock().needs_address()
    }

    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        answer!(self.check(target))
    }
}
