//! Names of rollouts and of those who perform them, and the stamps that every write leaves behind.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of one rollout: when it started and a random part, as in `20261122t040506-1a2b3c4d`.
///
/// Names sort by time and are valid as part of a Kubernetes object name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RolloutId(String);

impl RolloutId {
    /// The name of a rollout that starts at `now`; `random` keeps two starts in the same second apart.
    #[must_use]
    pub fn new(now: Timestamp, random: u64) -> Self {
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        Self(format!("{}-{:08x}", now.strftime("%Y%m%dt%H%M%S"), random as u32))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the rollout started, to the second; `None` for a name that wasn't made by [`RolloutId::new`].
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        let (time, _) = self.0.split_once('-')?;
        let time = jiff::civil::DateTime::strptime("%Y%m%dt%H%M%S", time).ok()?;
        time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
    }
}

impl From<String> for RolloutId {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl fmt::Display for RolloutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who writes: random for each process start, so that two programs never share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(String);

impl Holder {
    /// A holder named by `random`.
    #[must_use]
    pub fn new(random: u64) -> Self {
        Self(format!("{random:016x}"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The mark that a write leaves on the object it changes and that the next write tests: `<epoch>.<seq>/<holder>`.
///
/// Every *attempt* to write has a stamp of its own, so an older write that lands late finds a stamp that it doesn't
/// expect and changes nothing. Only equality is ever tested; the epoch (one more than the highest seen when a holder
/// raised) and the sequence are for people and for order. See `docs/protocol.md` for why nothing simpler is safe.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Grows with every holder.
    pub epoch: u64,
    /// Grows with every attempt of a holder.
    pub seq: u64,
    /// Who wrote.
    pub holder: Holder,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}/{}", self.epoch, self.seq, self.holder)
    }
}

/// The text is not `<epoch>.<seq>/<holder>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a stamp: expected <epoch>.<seq>/<holder>")]
pub struct ParseStampError(pub String);

impl FromStr for Stamp {
    type Err = ParseStampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (order, holder) = text.split_once('/')?;
            let (epoch, seq) = order.split_once('.')?;
            let holder = (!holder.is_empty() && !holder.contains(char::is_whitespace)).then(|| holder.to_owned())?;
            Some(Self { epoch: epoch.parse().ok()?, seq: seq.parse().ok()?, holder: Holder(holder) })
        };
        parse().ok_or_else(|| ParseStampError(text.to_owned()))
    }
}

impl Serialize for Stamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
