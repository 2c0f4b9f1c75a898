//! The double of `Drainer`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, Drainer, Endpoint, OpenConnections};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`Drainer`].
    #[derive(Debug)]
    pub Drainer {}

    #[async_trait]
    impl Drainer for Drainer {
        fn describe(&self) -> Description;
        async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError>;
        async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError>;
        async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError>;
    }
}

impl MockDrainer {
    /// Puts the mock in front of `drainer`, which answers whatever no expectation is left for.
    pub fn over<B: Drainer>(self, drainer: B) -> Over<Self, B> {
        Over::new(self, drainer)
    }
}

impl<B: Drainer> Double<B> for MockDrainer {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        self.expect_begin().returning(|_| Err(pass()));
        self.expect_cancel().returning(|_| Err(pass()));
        self.expect_open().returning(|_| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: Drainer> Drainer for Over<MockDrainer, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        answer!(self.begin(endpoints))
    }

    async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        answer!(self.cancel(endpoints))
    }

    async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError> {
        answer!(self.open(endpoints))
    }
}
