//! What journals of files promise beyond the contract of all journals, which the suite in `tests/conformance` checks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests, too")]

mod damage;
mod file;
mod sharing;
mod support;
