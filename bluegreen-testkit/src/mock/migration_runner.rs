//! The double of `MigrationRunner`.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Description, MigrationRun, MigrationRunner, MigrationStatus, OldReleaseReport, PendingMigrations,
    Release,
};
use futures_util::FutureExt;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`MigrationRunner`].
    #[derive(Debug)]
    pub MigrationRunner {}

    #[async_trait]
    impl MigrationRunner for MigrationRunner {
        fn describe(&self) -> Description;
        async fn pending(&self, release: &Release) -> Result<PendingMigrations, BackendError>;
        async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError>;
        async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError>;
        async fn old_release_works(&self, run: &MigrationRun) -> Result<OldReleaseReport, BackendError>;
    }
}

impl MockMigrationRunner {
    /// Puts the mock in front of `runner`, which answers whatever no expectation is left for.
    pub fn over<B: MigrationRunner>(self, runner: B) -> Over<Self, B> {
        Over::new(self, runner)
    }
}

impl<B: MigrationRunner> Double<B> for MockMigrationRunner {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        self.expect_pending().returning(|_| Err(pass()));
        self.expect_run().returning(|_| Err(pass()));
        self.expect_status().returning(|_| Err(pass()));
        self.expect_old_release_works().returning(|_| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: MigrationRunner> MigrationRunner for Over<MockMigrationRunner, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    async fn pending(&self, release: &Release) -> Result<PendingMigrations, BackendError> {
        answer!(self.pending(release))
    }

    async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        answer!(self.run(run))
    }

    async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        answer!(self.status(run))
    }

    async fn old_release_works(&self, run: &MigrationRun) -> Result<OldReleaseReport, BackendError> {
        answer!(self.old_release_works(run))
    }
}
