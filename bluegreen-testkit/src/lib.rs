//! Tests of blue-green rollouts in milliseconds.
//!
//! A [`World`] is two colors, a route, a schema and users, in memory. It hands out a backend for everything that a rollout
//! asks for, lets things go wrong on request, and counts what that cost its users. It runs on tokio's clock: in a test
//! with the clock paused, hours pass at once.
//!
//! ```
//! use std::time::Duration;
//!
//! use bluegreen_core::Color;
//! use bluegreen_testkit::{Behavior, World};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! // Blue serves v1 with three pods to users who send 100 requests a second.
//! let world = World::builder().users(100).build();
//!
//! // After an hour of service, three requests in a hundred go wrong.
//! world.behaves("v1", Behavior::failing(0.03).from(Duration::from_secs(3600)));
//! tokio::time::sleep(Duration::from_secs(7200)).await;
//!
//! let ledger = world.requests();
//! assert_eq!(ledger.sent(), 720_000);
//! assert_eq!(ledger.failed, 10_800);
//! assert_eq!(ledger.lost, 0);
//!
//! // All pods die: nobody answers until new ones have started.
//! world.kill_pods(Color::Blue);
//! tokio::time::sleep(Duration::from_secs(10)).await;
//! assert_eq!(world.requests().outage, Duration::from_secs(2));
//! # }
//! ```
//!
//! What a rollout does is judged by [`World::violations`], which names every write that broke a law of the write
//! protocol, by [`World::requests`], and by the journal ([`World::journal`]). [`World::fail_next`] and
//! [`World::fail_call`] let single calls fail, hang, or land late; see [`Fault`].

pub mod conformance;
mod explorer;
#[cfg(feature = "kube")]
mod fake_cluster;
mod world;

pub use crate::explorer::{Ask, Coverage, Explorer, Mishap, ParseScriptError, Revival, Script, Violation};
#[cfg(feature = "kube")]
pub use crate::fake_cluster::{AccessRule, ApiError, ApiFault, ApiRequest, FakeCluster, Objects};
pub use crate::world::{
    Behavior, Call, Fault, Incident, Ledger, ParseFaultError, World, WorldBuilder, WorldClock, WorldDrainer,
    WorldEntropy, WorldEnvironment, WorldGate, WorldJournal, WorldMigrations, WorldObserver, WorldPreflight,
    WorldProbe, WorldRouter, WorldSignal,
};
