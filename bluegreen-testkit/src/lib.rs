#![doc = include_str!("../docs/crate.md")]

pub mod fake;
pub mod mock;
mod world;

pub use crate::world::{
    Behavior, Call, Fault, Ledger, World, WorldBuilder, WorldClock, WorldDrainer, WorldEntropy, WorldEnvironment,
    WorldGate, WorldMigrations, WorldObserver, WorldPreflight, WorldProbe, WorldRouter, WorldSignal,
};
