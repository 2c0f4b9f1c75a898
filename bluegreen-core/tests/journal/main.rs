//! What a journal promises: what was confirmed is there, what can't be read is an error, and nobody overwrites anybody.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests, too")]

mod contract;
mod damage;
mod sharing;
mod support;
