#![doc = include_str!("../../docs/conformance.md")]

pub mod drainer;
pub mod environment;
pub mod error_signal;
pub mod gate;
pub mod health_probe;
pub mod journal;
pub mod migration_runner;
pub mod preflight;
pub mod traffic_router;

mod case;
mod check;
mod failure;
mod lever;
mod run;

pub use self::case::{Case, Fixture, Harness, Suite};
pub use self::failure::{Checked, Failure};
pub use self::run::run;
