//! The double of `Clock`.

use std::sync::Arc;

use bluegreen_core::Clock;
use jiff::Timestamp;
use mockall::mock;

use super::over::{Double, Over};

mock! {
    /// A double of [`Clock`].
    #[derive(Debug)]
    pub Clock {}

    impl Clock for Clock {
        fn now(&self) -> Timestamp;
    }
}

impl MockClock {
    /// Puts the mock in front of `clock`, which answers whatever no expectation is left for.
    pub fn over<B: Clock>(self, clock: B) -> Over<Self, B> {
        Over::new(self, clock)
    }
}

impl<B: Clock> Double<B> for MockClock {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_now().returning(move || behind.now());
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

impl<B: Clock> Clock for Over<MockClock, B> {
    fn now(&self) -> Timestamp {
        self.lock().now()
    }
}
