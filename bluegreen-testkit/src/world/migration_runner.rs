//! Changing the schema of the world.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Description, MigrationRun, MigrationRunner, MigrationStatus, OldReleaseReport, PendingMigrations,
    Release,
};

use super::fault::Site;
use super::shared::Shared;

/// The migrations of a [`World`](super::World). A run takes a second, and is done only once however often it is asked for.
#[derive(Debug, Clone)]
pub struct WorldMigrations {
    shared: Arc<Shared>,
}

impl WorldMigrations {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl MigrationRunner for WorldMigrations {
    fn describe(&self) -> Description {
        Description::new("WorldMigrations")
    }

    async fn pending(&self, _release: &Release) -> Result<PendingMigrations, BackendError> {
        let site = Site::new("migrations.pending", "list", "the schema");
        self.shared.call(site, |state| Ok(state.schema.pending())).await
    }

    async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        let barrier = self.shared.look(|state| state.schema.barrier());
        let start = run.clone();
        let started = self
            .shared
            .call(Site::new("migrations.run", "run", &*run.set), move |state| {
                Ok(state.start_migrations(&start, barrier))
            })
            .await?;
        if !started {
            return Err(BackendError::Conflict {
                object: run.set.clone(),
                expected: "that nobody was told that this run is not started".to_owned(),
                found: "somebody was, while it was on its way".to_owned(),
            });
        }
        Ok(self.shared.until(|state| state.schema.ended(run, state.now)).await)
    }

    async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        let site = Site::new("migrations.status", "read", &*run.set);
        let run = run.clone();
        self.shared.call(site, move |state| Ok(state.schema.status(&run, state.now))).await
    }

    async fn old_release_works(&self, run: &MigrationRun) -> Result<OldReleaseReport, BackendError> {
        let site = Site::new("migrations.old_release_works", "try the old release on", &*run.set);
        self.shared
            .call(site, |state| {
                let problem = state.schema.incompatible.clone();
                Ok(OldReleaseReport {
                    works: problem.is_none(),
                    evidence: problem.unwrap_or_else(|| "the old release started and answered".to_owned()),
                })
            })
            .await
    }
}
