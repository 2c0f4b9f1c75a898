//! What all handles of a world share: the state, and the ways to reach it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluegreen_core::BackendError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::fault::{Fault, Site, TIMEOUT};
use super::state::State;

pub(crate) struct Shared {
    start: Instant,
    state: Mutex<State>,
    /// Told after every change that time alone doesn't explain.
    changed: watch::Sender<()>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        let shared = Self { start: Instant::now(), state: Mutex::new(state), changed: watch::Sender::new(()) };
        shared.change(|_| ());
        shared
    }

    /// The time since the world began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) const fn start(&self) -> Instant {
        self.start
    }

    /// Reads the world as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        let mut state = self.lock();
        let happened = state.advance(self.elapsed());
        let seen = look(&state);
        drop(state);
        if happened {
            self.changed.send_replace(());
        }
        seen
    }

    /// Changes the world now.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.advance(self.elapsed());
        let result = change(&mut state);
        state.note();
        drop(state);
        self.changed.send_replace(());
        result
    }

    /// Waits until `seen` finds what it looks for: now, after every change, and whenever time changes something.
    pub(crate) async fn until<T: Send>(&self, mut seen: impl FnMut(&State) -> Option<T> + Send) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let (found, next) = self.look(|state| (seen(state), state.next_event()));
            if let Some(found) = found {
                return found;
            }
            let next = async {
                match next {
                    Some(at) => sleep_until(self.start + at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changes.changed() => {}
                () = next => {}
            }
        }
    }

    /// Makes one call to a backend, with what goes wrong with it. `effect` is what the call does to the world, all at
    /// once.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        site: Site,
        effect: impl FnOnce(&mut State) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let fault = self.change(|state| state.faults.begin(site.name, state.now));
        match fault {
            None => self.change(effect),
            Some(Fault::Error) => Err(site.unavailable()),
            Some(Fault::ErrorAfterEffect) => {
                let _ = self.change(effect);
                Err(site.unknown())
            }
            Some(Fault::TimeoutWithoutEffect) => {
                sleep(TIMEOUT).await;
                Err(site.timed_out())
            }
            Some(Fault::TimeoutWithEffect) => {
                let _ = self.change(effect);
                sleep(TIMEOUT).await;
                Err(site.timed_out())
            }
            Some(Fault::LateEffect(after)) => {
                self.change(|state| {
                    state.schedule(after, |state| {
                        let _ = effect(state);
                    });
                });
                sleep(TIMEOUT).await;
                Err(site.timed_out())
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Slow(duration)) => {
                sleep(duration).await;
                self.change(effect)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
