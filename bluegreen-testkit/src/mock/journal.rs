//! The double of `Journal`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{Journal, JournalError, Log, Record, RolloutId, Target};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`Journal`].
    #[derive(Debug)]
    pub Journal {}

    #[async_trait]
    impl Journal for Journal {
        async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError>;
        async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError>;
        async fn append(&self, target: &Target, rollout: &RolloutId, position: u64, records: &[Record]) -> Result<(), JournalError>;
    }
}

impl MockJournal {
    /// Puts the mock in front of `journal`, which answers whatever no expectation is left for.
    pub fn over<B: Journal>(self, journal: B) -> Over<Self, B> {
        Over::new(self, journal)
    }
}

impl<B: Journal> Double<B> for MockJournal {
    fn defer_to(&mut self, _backend: &Arc<B>) {
        self.expect_rollouts().returning(|_| Err(pass()));
        self.expect_load().returning(|_, _| Err(pass()));
        self.expect_append().returning(|_, _, _, _| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: Journal> Journal for Over<MockJournal, B> {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        answer!(self.rollouts(target))
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        answer!(self.load(target, rollout))
    }

    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError> {
        answer!(self.append(target, rollout, position, records))
    }
}
