//! The two slots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two fixed, equal slots that a release can be deployed to.
///
/// Colors alternate: whichever a route does not serve from is the next one to be deployed. Nothing is ever renamed, and
/// neither color is "the production one" for longer than a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// The first slot.
    Blue,
    /// The second slot.
    Green,
}

impl Color {
    /// Both colors, blue first.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The other color.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// `"blue"` or `"green"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text was neither `blue` nor `green`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a color: use blue or green")]
pub struct ParseColorError(pub String);

impl FromStr for Color {
    type Err = ParseColorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|color| color.as_str() == text).ok_or_else(|| ParseColorError(text.to_owned()))
    }
}

/// One value for each color.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerColor<T> {
    /// The value of [`Color::Blue`].
    pub blue: T,
    /// The value of [`Color::Green`].
    pub green: T,
}

impl<T> PerColor<T> {
    /// Makes both values with `make`.
    pub fn from_fn(mut make: impl FnMut(Color) -> T) -> Self {
        Self { blue: make(Color::Blue), green: make(Color::Green) }
    }

    /// The value of `color`.
    pub const fn get(&self, color: Color) -> &T {
        match color {
            Color::Blue => &self.blue,
            Color::Green => &self.green,
        }
    }

    /// The value of `color`, to change it.
    pub const fn get_mut(&mut self, color: Color) -> &mut T {
        match color {
            Color::Blue => &mut self.blue,
            Color::Green => &mut self.green,
        }
    }
}
