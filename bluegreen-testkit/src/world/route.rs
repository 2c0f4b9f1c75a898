//! One object of the route, and the data plane behind it.

use std::collections::VecDeque;
use std::time::Duration;

use bluegreen_core::{Change, Color, PerColor, RouteMark, RouteObject, RouteState};
use serde_json::Value;

use super::time::timestamp;
use super::timeline::Flow;

/// What every object of a route contributes to the sum of a [`Flow`].
const WHOLE: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct Routed {
    /// `Service/checkout`.
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) state: RouteState,
    pub(crate) mark: Option<RouteMark>,
    pub(crate) changed: Option<Change>,
    /// Where the data plane sends new connections.
    plane: RouteState,
    /// What the data plane still has to take over, and when it will.
    pending: VecDeque<(Duration, RouteState)>,
}

impl Routed {
    pub(crate) fn new(name: String, state: RouteState) -> Self {
        Self { name, version: 1, plane: state.clone(), state, mark: None, changed: None, pending: VecDeque::new() }
    }

    /// Sets where the object routes to; the data plane follows after `propagation`.
    pub(crate) fn set(&mut self, state: RouteState, by: &str, now: Duration, propagation: Duration) {
        if self.state == state {
            return;
        }
        self.pending.push_back((now.saturating_add(propagation), state.clone()));
        self.state = state;
        self.changed = Some(Change { by: by.to_owned(), at: Some(timestamp(now)) });
    }

    /// Lets the data plane take over what is due.
    pub(crate) fn propagate(&mut self, now: Duration) {
        while let Some((_, state)) = self.pending.front().filter(|(at, _)| *at <= now) {
            self.plane = state.clone();
            self.pending.pop_front();
        }
    }

    pub(crate) fn next_event(&self) -> Option<Duration> {
        self.pending.front().map(|(at, _)| *at)
    }

    /// Whether the data plane sends everything to `color`, and nothing is about to change that.
    pub(crate) fn has_converged(&self, color: Color) -> bool {
        self.pending.is_empty() && matches!(&self.plane, RouteState::Routes(split) if split.sole() == Some(color))
    }

    /// Whether the object might send production traffic to `color`.
    pub(crate) fn references(&self, color: Color) -> bool {
        match &self.state {
            RouteState::Routes(split) => split.weight(color) > 0,
            RouteState::Foreign(_) => true,
            RouteState::Absent => false,
        }
    }

    /// Where the data plane sends this object's share of the connections. A foreign state matches both colors, so that
    /// every ready pod gets the same.
    pub(crate) fn flow(&self, ready: &PerColor<u32>) -> Flow {
        let (blue, green) = match &self.plane {
            RouteState::Routes(split) => (split.blue, split.green),
            RouteState::Foreign(_) => (ready.blue, ready.green),
            RouteState::Absent => (0, 0),
        };
        let (blue, green) = (u64::from(blue), u64::from(green));
        match (blue * WHOLE).checked_div(blue + green) {
            None => Flow { nowhere: WHOLE, ..Flow::default() },
            Some(blue) => Flow { blue, green: WHOLE - blue, nowhere: 0 },
        }
    }

    /// The routing state as a write has to expect it.
    pub(crate) fn exact(&self) -> Value {
        Value::String(self.state.to_string())
    }

    pub(crate) fn observe(&self) -> RouteObject {
        RouteObject {
            name: self.name.clone(),
            version: self.version.to_string(),
            state: self.state.clone(),
            exact: self.exact(),
            mark: self.mark.clone(),
            changed: self.changed.clone(),
        }
    }
}
