//! Small backends that say what a test told them.
//!
//! All of them are cheap to clone, and clones are the same thing: give one to the rollout and keep one. They need no
//! [`World`](crate::World), but go with one well.

mod gate;
mod observer;
mod probe;
mod script;
mod signal;

pub use self::gate::ManualGate;
pub use self::observer::{NotSeen, RecordingObserver};
pub use self::probe::ScriptedProbe;
pub use self::signal::FixedSignal;
