//! What all handles of a world share: the state, and the ways to reach it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluegreen_core::BackendError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::fault::{Broken, Fault, Landing, Site, TIMEOUT};
use super::state::State;
use super::trace::Note;

/// The world itself.
struct Core {
    start: Instant,
    state: Mutex<State>,
    /// Told after every change that time alone doesn't explain.
    changed: watch::Sender<()>,
}

/// One program's way to the world. A program that has died doesn't reach it any more.
pub(crate) struct Shared {
    core: Arc<Core>,
    /// Counted from 1.
    program: u32,
    died: watch::Sender<bool>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        let core = Core { start: Instant::now(), state: Mutex::new(state), changed: watch::Sender::new(()) };
        let shared = Self { core: Arc::new(core), program: 1, died: watch::Sender::new(false) };
        shared.change(|state| state.programs = 1);
        shared
    }

    /// Another program's way to the same world.
    pub(crate) fn another_program(&self) -> Self {
        let program = self.change(|state| {
            state.programs += 1;
            state.programs
        });
        Self { core: Arc::clone(&self.core), program, died: watch::Sender::new(false) }
    }

    /// The time since the world began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.core.start.elapsed()
    }

    pub(crate) fn start(&self) -> Instant {
        self.core.start
    }

    /// Reads the world as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        let mut state = self.lock();
        let happened = state.advance(self.elapsed());
        let seen = look(&state);
        drop(state);
        if happened {
            self.core.changed.send_replace(());
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
        self.core.changed.send_replace(());
        result
    }

    /// Waits until `seen` finds what it looks for: now, after every change, and whenever time changes something.
    pub(crate) async fn until<T: Send>(&self, mut seen: impl FnMut(&State) -> Option<T> + Send) -> T {
        let mut changes = self.core.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let (found, next) = self.look(|state| (seen(state), state.next_event()));
            if let Some(found) = found {
                return found;
            }
            let next = async {
                match next {
                    Some(at) => sleep_until(self.start() + at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changes.changed() => {}
                () = next => {}
            }
        }
    }

    /// Waits until this program has died.
    pub(crate) async fn died(&self) {
        // The sender is ours, so that it can't be gone.
        let _ = self.died.subscribe().wait_for(|died| *died).await;
    }

    /// Makes one call to a backend, with what goes wrong with it. `effect` is what the call does to the world, all at
    /// once.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        site: Site,
        effect: impl Fn(&mut State) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let write = site.stamp.is_some().then(|| site.clone());
        let noted = move |state: &mut State, number: u64| {
            state.sender = Some(number);
            let result = effect(state);
            state.sender = None;
            if let Some(write) = &write {
                let refused = result.as_ref().err().map(ToString::to_string);
                if refused.is_some() {
                    state.learn_refusal(write);
                }
                state.trace.note(state.now, Note::Landed { number, refused });
            }
            result
        };
        self.deliver(&site, noted).await.map_err(|broken| site.error(broken))?
    }

    /// Delivers one call, with what goes wrong on the way. Effects are given the call's number.
    pub(crate) async fn deliver<R: Send + 'static>(
        &self,
        site: &Site,
        effect: impl Fn(&mut State, u64) -> R + Send + 'static,
    ) -> Result<R, Broken> {
        if *self.died.borrow() {
            return std::future::pending().await;
        }
        let (number, fault) = self.change(|state| state.begin(site, self.program));
        let Some(fault) = fault else {
            return Ok(self.land(number, effect));
        };
        match fault {
            Fault::Slow(duration) => {
                sleep(duration).await;
                return Ok(self.land(number, effect));
            }
            Fault::Repeated => {
                self.change(|state| effect(state, number));
                return Ok(self.land(number, effect));
            }
            _ => {}
        }
        let effect = move |state: &mut State| drop(effect(state, number));
        self.change(|state| {
            match fault.landing() {
                Landing::Never => {}
                Landing::AtOnce => effect(state),
                Landing::After(after) => state.schedule(after, effect),
                Landing::AfterCalls(calls) => state.schedule_call(number + calls, effect),
            }
            state.passed(number);
        });
        match fault {
            Fault::Error => Err(Broken::Unavailable),
            Fault::ErrorAfterEffect => Err(Broken::Unknown),
            Fault::Hang => std::future::pending().await,
            _ if fault.kills() => {
                self.change(|state| state.trace.note(state.now, Note::Died { program: self.program }));
                self.died.send_replace(true);
                std::future::pending().await
            }
            _ => {
                sleep(TIMEOUT).await;
                Err(Broken::TimedOut)
            }
        }
    }

    /// Lets a call have its effect, and then what was to happen at it.
    fn land<R>(&self, number: u64, effect: impl Fn(&mut State, u64) -> R) -> R {
        self.change(|state| {
            let result = effect(state, number);
            state.passed(number);
            result
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.core.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
