//! Whole rollouts on a real cluster, under load, with everything that goes wrong there.
//!
//! Each case has a namespace of its own, `e2e-<case>-<random>`, which is removed at the end, also of a case that failed.
//! The cases that need the cluster for themselves (1,000 requests/s, a crashed API server) wait for the others to end.
//! They may run side by side, and mostly wait for pods: `-- --test-threads=4` is quicker than the default.
//!
//! # Variables
//!
//! A case whose variable isn't set says loudly that it is skipped.
//!
//! | variable | meaning |
//! |---|---|
//! | `BLUEGREEN_TEST_KUBECONFIG` | the cluster to test on. Never the plain `KUBECONFIG`: nobody's own cluster is tested by accident. Service and pod addresses must be reachable from here |
//! | `BLUEGREEN_TEST_IMAGE` | the repository of the test application, whose tags `v1` to `v4` the nodes have; see `examples/test-app` |
//! | `BLUEGREEN_TEST_CRASH` | a shell command that crashes the component whose name is appended to it: `kube-apiserver` |
//! | `BLUEGREEN_TEST_UP` | a shell command that starts again what crashed, and returns once it is up |
//! | `BLUEGREEN_TEST_SOAK` | how often each of the three peers' failures is repeated; 3 unless set |
//!
//! `BLUEGREEN_E2E_CHILD` is set by the tests themselves, for the deploy programs that they kill and stop.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod app;
mod ask;
#[path = "../support/load.rs"]
mod load;
mod meddler;
mod program;
mod shop;
mod signals;
mod tap;
mod trace;

mod aborts;
mod api_server;
mod bad_input;
mod child;
mod damaged_journals;
mod deploys;
mod foreign_edits;
mod kills;
mod long_load;
mod programs;
mod roll_backs;
mod soak;
mod stops;
mod writes;
