//! The engine's whole state space.
//!
//! The engine is a pure function, so everything that can happen to a rollout can be tried: every read and write can fail
//! in every way, every check can fail or never end, people can ask for anything and edit anything, pods can die, the process
//! can die and another one recover, at every point; and all of these together with all others, up to a number of
//! disturbances. `BLUEGREEN_ENGINE_DISTURBANCES` sets another number for all plans.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod effects;
mod history;
mod key;
mod laws;
mod moves;
mod node;
mod offers;
mod others;
mod process;
mod regressions;
mod search;
mod setup;
mod stages;
mod time;
mod waiting;
mod world;
mod wrong;
