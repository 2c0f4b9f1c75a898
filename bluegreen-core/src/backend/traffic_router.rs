//! The route: who gets production traffic, and how that is changed.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackendError, Description, Endpoint, Fence, Preflight, Split};
use crate::color::Color;
use crate::ids::{RolloutId, Stamp};

/// Moves production traffic between the two colors.
///
/// A route is made of one or more objects (a Service; several Services; a Service and a canary Ingress). Each carries a
/// [`RouteMark`]. Changing a route is a list of writes of single objects, each atomic and compare-and-set; the engine
/// performs the list, journals it, and undoes it.
#[async_trait]
pub trait TrafficRouter: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// What has to hold in the world before a rollout may use this backend. Every rollout runs these before it writes.
    fn preflights(&self) -> Vec<Arc<dyn Preflight>>;

    /// What this backend can do; constant over its life.
    fn capabilities(&self) -> RouterCapabilities;

    /// Reads all objects of the route from the system itself, never from a cache: decisions are based on this. Changes
    /// nothing.
    ///
    /// A route whose objects don't exist is [`BackendError::NotFound`] with a hint that shows how to make them.
    async fn observe(&self) -> Result<RouteObservation, BackendError>;

    /// Follows the route: first its present state, then each change as soon as it is seen, without end. As
    /// [`Environment::watch`](super::Environment::watch): late, merged or repeated, and only a reason to look.
    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>>;

    /// The writes that are still to be done, in order, to bring the route from what was observed to `to`; none when it is
    /// there. Pure: the same arguments give the same list. An object in a foreign state has no step.
    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep>;

    /// Writes one object: tests the fence *and* the whole routing state of `write.object`, and sets the routing state and
    /// the mark, all in one atomic write. With `write.to` equal to what is there it changes only the mark. Returns the
    /// object as the write left it.
    ///
    /// Finding anything else than expected changes nothing and returns [`BackendError::Conflict`].
    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError>;

    /// Returns once the data plane, as far as it can be observed, sends new connections to exactly `endpoints` of `color`
    /// and to nothing of the other color. Waits without end otherwise: the caller bounds it, and may drop it at any time.
    ///
    /// Proof is by identity of endpoints or of answers, never by the state of the objects that were written.
    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError>;

    /// Makes sure that the preview path of `color` exists. Returns whether anything had to be written; a second call
    /// writes nothing. Does nothing where no preview path was asked for.
    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError>;

    /// Where `color` answers via `via`; `None` where there is no such path. For [`Via::Production`] the color doesn't
    /// matter: it is the address that users use.
    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError>;
}

/// What a [`TrafficRouter`] can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouterCapabilities {
    /// Splits other than all or nothing.
    pub weights: bool,
    /// There is a production address to probe.
    pub production_address: bool,
    /// There is a preview address to probe.
    pub preview_address: bool,
}

impl RouterCapabilities {
    /// All-or-nothing switches without addresses.
    #[must_use]
    pub const fn switch_only() -> Self {
        Self { weights: false, production_address: false, preview_address: false }
    }

    /// Says whether splits other than all or nothing work.
    #[must_use]
    pub const fn with_weights(mut self, weights: bool) -> Self {
        self.weights = weights;
        self
    }

    /// Says which addresses there are.
    #[must_use]
    pub const fn with_addresses(mut self, production: bool, preview: bool) -> Self {
        self.production_address = production;
        self.preview_address = preview;
        self
    }
}

/// A path to a color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The one that users use.
    Production,
    /// One that only reaches a given color, without production traffic.
    Preview,
}

/// Where something answers: scheme, host and port, as in `http://10.96.0.17:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was seen of a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteObservation {
    /// The share that each color gets, all objects taken together; `None` while they disagree or one is foreign.
    pub split: Option<Split>,
    /// The objects, in a fixed order.
    pub objects: Vec<RouteObject>,
}

impl RouteObservation {
    /// The color that gets all production traffic, if one does.
    #[must_use]
    pub fn active(&self) -> Option<Color> {
        self.split.and_then(Split::sole)
    }

    /// Whether any object sends, or might send, production traffic to `color`. A foreign state might.
    #[must_use]
    pub fn references(&self, color: Color) -> bool {
        self.objects.iter().any(|object| match &object.state {
            RouteState::Routes(split) => split.weight(color) > 0,
            RouteState::Foreign(_) => true,
            RouteState::Absent => false,
        })
    }
}

/// What was seen of one object of a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteObject {
    /// As people would look for it: `Service/checkout`.
    pub name: String,
    /// An opaque version; changes with every change of the object.
    pub version: String,
    /// Where it sends traffic.
    pub state: RouteState,
    /// The routing state exactly as it was read, for the test of the next write. Only its backend understands it.
    pub exact: serde_json::Value,
    /// What our last write left.
    pub mark: Option<RouteMark>,
    /// Who changed the routing state last, where the system knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Change>,
}

impl RouteObject {
    /// Whether somebody else changed where the object sends traffic since our last write. Without a mark this can't be
    /// told, and is `false`.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.mark.as_ref().is_some_and(|mark| self.state != mark.state())
    }
}

/// Where one object of a route sends traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteState {
    /// To the colors, by weight.
    Routes(Split),
    /// Somewhere that this library would not have it, in words: `selector app=checkout matches both colors`.
    Foreign(String),
    /// The object isn't there, and needn't be.
    Absent,
}

impl fmt::Display for RouteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Routes(split) => write!(f, "{split}"),
            Self::Foreign(what) => f.write_str(what),
            Self::Absent => f.write_str("absent"),
        }
    }
}

/// Who changed something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The name that the writer gave itself, as in the manager of `managedFields`.
    pub by: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.by)?;
        self.at.map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

/// What a write leaves on an object of a route: its stamp, the split it set, and for which rollout.
///
/// As text, which is how it is kept on the object: `<stamp> <split> <rollout> from:<color>[ ended]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMark {
    /// The stamp of the write.
    pub stamp: Stamp,
    /// The split that it set, or left.
    pub split: Split,
    /// For which rollout.
    pub rollout: RolloutId,
    /// The color that served when that rollout began: while the split still names it, traffic hasn't moved.
    pub origin: Color,
    /// Whether that rollout says here that it has ended. Most ended rollouts are told by their colors instead.
    pub ended: bool,
}

impl RouteMark {
    /// Where an object with this mark sends traffic, if nobody else changed it.
    #[must_use]
    pub const fn state(&self) -> RouteState {
        RouteState::Routes(self.split)
    }
}

impl fmt::Display for RouteMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = if self.ended { " ended" } else { "" };
        write!(f, "{} {} {} from:{}{ended}", self.stamp, self.split, self.rollout, self.origin)
    }
}

/// The text is not that of a [`RouteMark`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a route mark: expected <epoch>.<seq>/<holder> <split> <rollout> from:<color>[ ended]")]
pub struct ParseMarkError(pub String);

impl FromStr for RouteMark {
    type Err = ParseMarkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut words = text.split(' ');
            let (stamp, split) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let rollout = RolloutId::from(words.next().filter(|name| !name.is_empty())?.to_owned());
            let origin = words.next()?.strip_prefix("from:")?.parse().ok()?;
            let ended = match words.next() {
                None => false,
                Some("ended") => true,
                Some(_) => return None,
            };
            words.next().is_none().then_some(Self { stamp, split, rollout, origin, ended })
        };
        parse().ok_or_else(|| ParseMarkError(text.to_owned()))
    }
}

impl Serialize for RouteMark {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RouteMark {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One write of one object on the way to a split; serializable, so that it can be journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// The object.
    pub object: String,
    /// Where it sends traffic before.
    pub from: RouteState,
    /// Where it sends traffic after.
    pub to: RouteState,
}

/// A write of one object of a route.
#[derive(Debug, Clone, Copy)]
pub struct RouteWrite<'a> {
    /// The object as it was read; what the write expects.
    pub object: &'a RouteObject,
    /// What of it the write tests beside the routing state.
    pub fence: Fence,
    /// Where it shall send traffic.
    pub to: &'a RouteState,
    /// The mark to leave.
    pub mark: &'a RouteMark,
}

/// Proof that traffic arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convergence {
    /// How many endpoints receive traffic.
    pub endpoints: usize,
    /// What the proof rests on.
    pub proof: Proof,
    /// The proof in words.
    pub evidence: String,
}

/// What a proof of convergence rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The system lists exactly the expected endpoints, by identity.
    Endpoints,
    /// Requests were answered by exactly the expected endpoints.
    Answers,
}
