#![doc = include_str!("../docs/crate.md")]

pub mod conformance;
mod explorer;
pub mod fake;
#[cfg(feature = "kube")]
mod fake_cluster;
pub mod mock;
mod world;

pub use crate::explorer::{Ask, Coverage, Explorer, Mishap, ParseScriptError, Revival, Script, Violation};
#[cfg(feature = "kube")]
pub use crate::fake_cluster::{AccessRule, ApiError, ApiFault, ApiRequest, FakeCluster, Objects};
pub use crate::world::{
    Behavior, Call, Fault, Incident, Ledger, ParseFaultError, World, WorldBuilder, WorldClock, WorldDrainer,
    WorldEntropy, WorldEnvironment, WorldGate, WorldJournal, WorldMigrations, WorldObserver, WorldPreflight,
    WorldProbe, WorldRouter, WorldSignal,
};
