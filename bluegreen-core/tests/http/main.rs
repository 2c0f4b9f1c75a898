//! Probes and drains against real sockets on loopback.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod drain;
mod probe;
mod server;
mod tcp;
