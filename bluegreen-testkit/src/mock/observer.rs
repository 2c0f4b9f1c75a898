//! The double of `Observer`.

use std::sync::Arc;

use bluegreen_core::{Observer, Update};
use mockall::mock;

use super::over::{Double, Over};

mock! {
    /// A double of [`Observer`].
    #[derive(Debug)]
    pub Observer {}

    impl Observer for Observer {
        fn notify(&self, update: &Update);
    }
}

impl MockObserver {
    /// Puts the mock in front of `observer`, which answers whatever no expectation is left for.
    pub fn over<B: Observer>(self, observer: B) -> Over<Self, B> {
        Over::new(self, observer)
    }
}

impl<B: Observer> Double<B> for MockObserver {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_notify().returning(move |update| behind.notify(update));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

impl<B: Observer> Observer for Over<MockObserver, B> {
    fn notify(&self, update: &Update) {
        self.lock().notify(update);
    }
}
