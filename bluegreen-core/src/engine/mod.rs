//! What to do next: a pure function of what happened and what was seen.
//!
//! No tokio, no clock, no I/O. The [`State`] of a rollout is a fold of its journal's events, the [`View`] is what was
//! last seen of the world, and [`Engine`] decides by both what to do now. Asked again with the same arguments it answers
//! the same, so recovery is a replay, and a test can walk through every state there is.
//!
//! The write protocol (rules R1 to R11) is explained in `docs/protocol.md`.

mod abort;
mod acquire;
mod decision;
mod forward;
mod hurt;
mod rollback;
mod state;
mod switch;
mod thinking;
mod verdict;
mod view;
mod watching;

pub use self::decision::{Activity, Decision, ProbeStage, Then};
pub use self::state::{Doubt, Holding, IllegalEvent, Intent, State, Tries, WatchState, WayBack};
pub use self::verdict::SourceState;
pub(crate) use self::view::open_rollout;
pub use self::view::{Reading, View};

use std::fmt;

use jiff::Timestamp;

use self::thinking::Thinking;

/// Decides what a rollout does next.
pub trait Decide: fmt::Debug + Send + Sync + 'static {
    /// The next thing to do, given what happened, what was seen and what time it is. Pure.
    fn next(&self, state: &State, view: &View, now: Timestamp) -> Decision;
}

/// The engine: decides by the plan that the rollout was started with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Engine;

impl Decide for Engine {
    fn next(&self, state: &State, view: &View, now: Timestamp) -> Decision {
        Thinking { state, view, now }.next()
    }
}
