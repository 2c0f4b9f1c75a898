//! Reading the world.

use std::time::Duration;

use super::{Driver, RunError, call};
use crate::backend::{BackendError, chain};
use crate::engine::Reading;
use crate::record::{On, Update};
use crate::stage::Stage;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

impl Driver {
    /// Reads the route or a color from the system itself.
    pub(super) async fn read(&mut self, stage: Stage, on: On) -> Result<(), RunError> {
        self.catch_up();
        let (serial, at) = (self.next_serial(), self.now());
        let deadline = self.state.plan().call_deadline;
        let result = match on {
            On::Route => {
                let read = self.backends.router.observe();
                call(deadline, "read", "the route", read).await.map(|value| {
                    self.view.route = Some(Reading { value, serial, at });
                    self.view.route_stirred = false;
                })
            }
            On::Color(color) => {
                let read = self.backends.environment.observe(color);
                call(deadline, "read", color.as_str(), read).await.map(|value| {
                    let reading = Reading { value, serial, at };
                    *self.view.heard.get_mut(color) = Some(reading.clone());
                    *self.view.colors.get_mut(color) = Some(reading);
                })
            }
        };
        match result {
            Ok(()) => {
                self.unreachable = None;
                Ok(())
            }
            Err(error) => self.read_failed(stage, &error).await,
        }
    }

    /// Tries again after a while, as long as the plan has patience; what waiting can't mend is for the engine.
    async fn read_failed(&mut self, stage: Stage, error: &BackendError) -> Result<(), RunError> {
        if !error.is_retryable() {
            self.view.unreadable = Some(chain(error));
            return Ok(());
        }
        let now = self.now();
        let (since, attempt) = self.unreachable.get_or_insert((now, 0));
        *attempt += 1;
        let (since, attempt) = (*since, *attempt);
        let patience = self.state.plan().patience;
        if now.duration_since(since) > jiff::SignedDuration::try_from(patience).unwrap_or(jiff::SignedDuration::MAX) {
            return Err(RunError::Unreachable { patience, error: chain(error) });
        }
        self.tell(&Update::Retrying { at: now, what: "read the world".to_owned(), attempt, error: chain(error) });
        let backoff = FIRST_BACKOFF.saturating_mul(1 << attempt.min(8)).min(MAX_BACKOFF);
        self.wait(stage, Some(now.saturating_add(backoff).unwrap_or(now))).await
    }
}
