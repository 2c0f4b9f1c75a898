//! Blue-green rollouts as a library.

mod backend;
mod color;
mod ids;
mod polling;
mod release;
mod target;
#[cfg(feature = "http")]
pub mod http;

pub use crate::backend::*;
pub use crate::color::{Color, ParseColorError, PerColor};
pub use crate::ids::{Holder, ParseStampError, RolloutId, Stamp};
pub use crate::polling::polling;
pub use crate::release::Release;
pub use crate::target::Target;
