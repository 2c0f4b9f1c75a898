//! The double of `ErrorSignal`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, ErrorSignal, Measure, Window};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`ErrorSignal`].
    #[derive(Debug)]
    pub ErrorSignal {}

    #[async_trait]
    impl ErrorSignal for ErrorSignal {
        fn describe(&self) -> Description;
        async fn sample(&self, color: Color, window: Window) -> Result<Measure, BackendError>;
    }
}

impl MockErrorSignal {
    /// Puts the mock in front of `signal`, which answers whatever no expectation is left for.
    pub fn over<B: ErrorSignal>(self, signal: B) -> Over<Self, B> {
        Over::new(self, signal)
    }
}

impl<B: ErrorSignal> Double<B> for MockErrorSignal {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        self.expect_sample().returning(|_, _| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: ErrorSignal> ErrorSignal for Over<MockErrorSignal, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    async fn sample(&self, color: Color, window: Window) -> Result<Measure, BackendError> {
        answer!(self.sample(color, window))
    }
}
