//! Rollouts against the in-memory world, on a paused clock.

mod course;
mod faults;
mod people;
mod recovery;
mod support;
