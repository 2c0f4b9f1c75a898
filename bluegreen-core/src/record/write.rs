//! The writes that a rollout performs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::color::Color;

/// One kind of write on an object of the cluster. Each is fenced by a stamp (see `docs/protocol.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Route: become the holder; nothing else changes.
    Raise,
    /// Route: change nothing but the stamp, so that nothing older can land.
    SealRoute,
    /// Route: set the split of a canary step, counted from 0.
    Shift(usize),
    /// Route: send everything to the new color.
    Switch,
    /// Route: send everything to the old color.
    SwitchBack,
    /// Route: say that the rollout has ended, where the colors don't tell.
    Release,
    /// Color: bring the release, with replicas.
    Deploy(Color),
    /// Color: raise the number of replicas.
    ScaleUp(Color),
    /// Color: change nothing but the stamp.
    Seal(Color),
    /// Color: scale the old color to zero after a proven rollout.
    Retire(Color),
    /// Color: scale the new color to zero after an abort or a rollback.
    TakeDown(Color),
}

/// What a write is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    /// The route.
    Route,
    /// A color.
    Color(Color),
}

impl Write {
    /// What it is made on.
    #[must_use]
    pub const fn on(self) -> On {
        match self {
            Self::Raise | Self::SealRoute | Self::Shift(_) | Self::Switch | Self::SwitchBack | Self::Release => {
                On::Route
            }
            Self::Deploy(color)
            | Self::ScaleUp(color)
            | Self::Seal(color)
            | Self::Retire(color)
            | Self::TakeDown(color) => On::Color(color),
        }
    }

    /// Whether it takes capacity from a color: such a write must never reach a color that serves.
    #[must_use]
    pub const fn hurts(self) -> bool {
        matches!(self, Self::Deploy(_) | Self::Retire(_) | Self::TakeDown(_))
    }

    /// Whether it points production traffic at the new color.
    #[must_use]
    pub const fn moves_traffic(self) -> bool {
        matches!(self, Self::Shift(_) | Self::Switch)
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raise => f.write_str("raise the stamp of the route"),
            Self::SealRoute => f.write_str("seal the route"),
            Self::Shift(step) => write!(f, "shift traffic (canary step {})", step + 1),
            Self::Switch => f.write_str("switch traffic"),
            Self::SwitchBack => f.write_str("switch traffic back"),
            Self::Release => f.write_str("mark the route as released"),
            Self::Deploy(color) => write!(f, "deploy to {color}"),
            Self::ScaleUp(color) => write!(f, "scale {color} up"),
            Self::Seal(color) => write!(f, "seal {color}"),
            Self::Retire(color) => write!(f, "retire {color}"),
            Self::TakeDown(color) => write!(f, "scale {color} down"),
        }
    }
}
