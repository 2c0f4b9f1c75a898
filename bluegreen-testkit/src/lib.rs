#![doc = include_str!("../docs/crate.md")]

mod explorer;
pub mod fake;
pub mod mock;
mod world;

pub use crate::explorer::{Ask, Coverage, Explorer, Mishap, ParseScriptError, Revival, Script, Violation};
pub use crate::world::{
    Behavior, Call, Fault, Incident, Ledger, ParseFaultError, World, WorldBuilder, WorldClock, WorldDrainer,
    WorldEntropy, WorldEnvironment, WorldGate, WorldJournal, WorldMigrations, WorldObserver, WorldPreflight,
    WorldProbe, WorldRouter, WorldSignal,
};
