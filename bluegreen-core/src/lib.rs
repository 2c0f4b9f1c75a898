//! Blue-green rollouts as a library.

mod backend;
mod clock;
mod color;
#[cfg(feature = "http")]
pub mod http;
mod ids;
pub mod plan;
mod journal;
mod polling;
mod record;
mod release;
mod report;
mod stage;
mod target;

pub use crate::backend::*;
pub use crate::clock::{Clock, Entropy, System};
pub use crate::color::{Color, ParseColorError, PerColor};
pub use crate::ids::{Holder, ParseStampError, RolloutId, Stamp};
pub use crate::polling::polling;
pub use crate::record::*;
pub use crate::release::Release;
pub use crate::stage::Stage;
pub use crate::target::Target;
