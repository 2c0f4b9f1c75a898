//! Who gets how much of the traffic.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::color::Color;

/// The relative weights of the two colors. `Split::only(color)` is what a switch sets.
///
/// Two splits are equal only if their weights are, so a router should write and read the same scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Split {
    /// The weight of blue.
    pub blue: u32,
    /// The weight of green.
    pub green: u32,
}

impl Split {
    /// Everything to `color`, written as a weight of 100.
    #[must_use]
    pub const fn only(color: Color) -> Self {
        Self::percent(color, 100)
    }

    /// `percent` (0 to 100) to `color` and the rest to the other; more than 100 counts as 100.
    #[must_use]
    pub const fn percent(color: Color, percent: u32) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        match color {
            Color::Blue => Self { blue: percent, green: 100 - percent },
            Color::Green => Self { blue: 100 - percent, green: percent },
        }
    }

    /// The weight of `color`.
    #[must_use]
    pub const fn weight(self, color: Color) -> u32 {
        match color {
            Color::Blue => self.blue,
            Color::Green => self.green,
        }
    }

    /// The share of `color`, from 0 to 1; 0 where both weights are 0.
    #[must_use]
    pub fn share(self, color: Color) -> f64 {
        let sum = f64::from(self.blue) + f64::from(self.green);
        if sum == 0.0 { 0.0 } else { f64::from(self.weight(color)) / sum }
    }

    /// The color that gets everything, if one does.
    #[must_use]
    pub const fn sole(self) -> Option<Color> {
        match (self.blue, self.green) {
            (0, 0) => None,
            (_, 0) => Some(Color::Blue),
            (0, _) => Some(Color::Green),
            _ => None,
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sole() {
            Some(color) if self.weight(color) == 100 => write!(f, "{color}"),
            _ => write!(f, "blue:{},green:{}", self.blue, self.green),
        }
    }
}

/// The text is neither a color nor `blue:<weight>,green:<weight>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a split: expected blue, green or blue:<weight>,green:<weight>")]
pub struct ParseSplitError(pub String);

impl FromStr for Split {
    type Err = ParseSplitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(color) = text.parse() {
            return Ok(Self::only(color));
        }
        let weights = || {
            let (blue, green) = text.split_once(',')?;
            let blue = blue.strip_prefix("blue:")?.parse().ok()?;
            let green = green.strip_prefix("green:")?.parse().ok()?;
            Some(Self { blue, green })
        };
        weights().ok_or_else(|| ParseSplitError(text.to_owned()))
    }
}

impl Serialize for Split {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
