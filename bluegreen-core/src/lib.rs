#![doc = include_str!("../docs/crate.md")]

mod backend;
mod clock;
mod color;
mod driver;
pub mod engine;
mod error;
mod handle;
#[cfg(feature = "http")]
pub mod http;
mod ids;
mod journal;
pub mod plan;
mod polling;
mod record;
mod release;
pub mod report;
mod rollout;
mod span;
mod stage;
mod target;

/// How every write is fenced.
#[doc = include_str!("../docs/protocol.md")]
pub mod protocol {}

pub use crate::backend::*;
pub use crate::clock::{Clock, Entropy, System};
pub use crate::color::{Color, ParseColorError, PerColor};
pub use crate::driver::{RequestError, Status};
pub use crate::error::RunError;
pub use crate::handle::Handle;
pub use crate::ids::{Holder, ParseStampError, RolloutId, Stamp};
pub use crate::journal::{FileJournal, MemoryJournal};
pub use crate::polling::polling;
pub use crate::record::*;
pub use crate::release::Release;
pub use crate::report::Report;
pub use crate::rollout::{Outcome, Planned, PlannedStage, Rollout, RolloutBuilder, TargetStatus};
pub use crate::stage::Stage;
pub use crate::target::Target;
