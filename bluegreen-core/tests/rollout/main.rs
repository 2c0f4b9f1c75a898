//! Rollouts against the in-memory world, on a paused clock.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod course;
mod engine;
mod faults;
mod people;
mod recovery;
mod support;
