//! What a caller holds while a rollout runs.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::driver::{Asked, RequestError, Status};
use crate::error::RunError;
use crate::ids::RolloutId;
use crate::record::{End, Journal, Observer, Request, Update};
use crate::report::Report;
use crate::rollout::Outcome;
use crate::target::Target;

/// Owns a rollout that runs in a task of its own.
///
/// Dropping it stops the rollout at once, wherever it is: what serves goes on serving, and the rollout can be recovered.
#[must_use = "dropping the handle stops the rollout"]
pub struct Handle {
    rollout: RolloutId,
    kind: Inner,
}

enum Inner {
    Finished(Outcome),
    Running(Running),
}

struct Running {
    target: Target,
    journal: Arc<dyn Journal>,
    requests: mpsc::Sender<Asked>,
    status: watch::Receiver<Status>,
    updates: broadcast::WeakSender<Arc<Update>>,
    first: Option<broadcast::Receiver<Arc<Update>>>,
    task: Owned,
}

/// A task that ends with its owner.
struct Owned(JoinHandle<Result<End, RunError>>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Passes updates on to the handle's streams.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) broadcast::Sender<Arc<Update>>);

impl Observer for Told {
    fn notify(&self, update: &Update) {
        // An error means that nobody listens, which is fine.
        let _ = self.0.send(Arc::new(update.clone()));
    }
}

impl Handle {
    pub(crate) const fn finished(rollout: RolloutId, outcome: Outcome) -> Self {
        Self { rollout, kind: Inner::Finished(outcome) }
    }

    pub(crate) fn running(
        rollout: RolloutId,
        target: Target,
        journal: Arc<dyn Journal>,
        requests: mpsc::Sender<Asked>,
        status: watch::Receiver<Status>,
        (updates, first): (broadcast::WeakSender<Arc<Update>>, broadcast::Receiver<Arc<Update>>),
        driver: impl Future<Output = Result<End, RunError>> + Send + 'static,
    ) -> Self {
        let task = Owned(tokio::spawn(driver));
        let kind = Running { target, journal, requests, status, updates, first: Some(first), task };
        Self { rollout, kind: Inner::Running(kind) }
    }

    /// The rollout.
    #[must_use]
    pub const fn rollout(&self) -> &RolloutId {
        &self.rollout
    }

    /// Where it stands; `None` for a release that served already.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match &self.kind {
            Inner::Finished(_) => None,
            Inner::Running(running) => Some(running.status.borrow().clone()),
        }
    }

    /// What goes on, until the rollout's task ends. The first stream has everything from the beginning; later ones begin where they are made. A reader
    /// that falls behind by a thousand updates loses the oldest; the journal has what was recorded.
    pub fn events(&mut self) -> BoxStream<'static, Update> {
        let Inner::Running(running) = &mut self.kind else {
            return stream::empty().boxed();
        };
        let again = || running.updates.upgrade().map(|updates| updates.subscribe());
        let Some(updates) = running.first.take().or_else(again) else { return stream::empty().boxed() };
        stream::unfold(updates, |mut updates| async move {
            loop {
                match updates.recv().await {
                    Ok(update) => return Some((Arc::unwrap_or_clone(update), updates)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    /// Lets it take no forward step until it is resumed. Sampling, guard, rollback and deadlines go on. A second call
    /// changes nothing.
    pub async fn pause(&self) -> Result<(), RequestError> {
        self.ask(Request::Pause).await
    }

    /// Ends a pause. A second call changes nothing.
    pub async fn resume(&self) -> Result<(), RequestError> {
        self.ask(Request::Resume).await
    }

    /// Approves it, where its plan asks for an approval; may come early.
    pub async fn approve(&self, reason: impl Into<String> + Send) -> Result<(), RequestError> {
        self.ask(Request::Approve { reason: reason.into() }).await
    }

    /// Ends it before traffic moves; once traffic has moved, rolls back.
    pub async fn abort(&self, reason: impl Into<String> + Send) -> Result<(), RequestError> {
        self.ask(Request::Abort { reason: reason.into() }).await
    }

    /// Returns traffic to the old color; before traffic has moved, ends it.
    pub async fn roll_back(&self, reason: impl Into<String> + Send) -> Result<(), RequestError> {
        self.ask(Request::RollBack { reason: reason.into(), force: false }).await
    }

    /// Returns traffic to the old color even though the way back is closed.
    pub async fn force_roll_back(&self, reason: impl Into<String> + Send) -> Result<(), RequestError> {
        self.ask(Request::RollBack { reason: reason.into(), force: true }).await
    }

    /// Returns once the request is journaled.
    async fn ask(&self, request: Request) -> Result<(), RequestError> {
        let Inner::Running(running) = &self.kind else {
            return Err(RequestError::Ended);
        };
        let (answer, answered) = oneshot::channel();
        let asked = Asked { request, by: "handle".to_owned(), answer };
        running.requests.send(asked).await.map_err(|_| RequestError::Ended)?;
        answered.await.unwrap_or(Err(RequestError::Ended))
    }

    /// Waits for its end. Dropping the future drops the handle, and stops the rollout.
    pub async fn wait(self) -> Result<Outcome, RunError> {
        let mut running = match self.kind {
            Inner::Finished(outcome) => return Ok(outcome),
            Inner::Running(running) => running,
        };
        let end = (&mut running.task.0).await.map_err(|_| RunError::Gone)??;
        let log = running.journal.load(&running.target, &self.rollout).await?;
        Ok(Outcome::new(&end, Report::from_records(&log.records)))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("rollout", &self.rollout).finish_non_exhaustive()
    }
}
