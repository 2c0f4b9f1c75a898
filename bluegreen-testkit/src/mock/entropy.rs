//! The double of `Entropy`.

use std::sync::Arc;

use bluegreen_core::Entropy;
use mockall::mock;

use super::over::{Double, Over};

mock! {
    /// A double of [`Entropy`].
    #[derive(Debug)]
    pub Entropy {}

    impl Entropy for Entropy {
        fn next(&self) -> u64;
    }
}

impl MockEntropy {
    /// Puts the mock in front of `entropy`, which answers whatever no expectation is left for.
    pub fn over<B: Entropy>(self, entropy: B) -> Over<Self, B> {
        Over::new(self, entropy)
    }
}

impl<B: Entropy> Double<B> for MockEntropy {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_next().returning(move || behind.next());
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

impl<B: Entropy> Entropy for Over<MockEntropy, B> {
    fn next(&self) -> u64 {
        self.lock().next()
    }
}
