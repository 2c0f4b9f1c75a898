//! How a world begins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Autoscaler, Color, MemoryJournal, PerColor, Release, RouteState, Split};

use super::World;
use super::clock::WorldEntropy;
use super::connections::WHOLE;
use super::incident::Incident;
use super::route::Routed;
use super::shared::Shared;
use super::slot::Slot;
use super::state::{Settings, State};
use super::time::{percent, span};

/// Says how a [`World`] begins. Without a word: blue serves `v1` with three pods through `Service/checkout`, green was
/// never deployed, nothing carries a stamp yet, and users send 100 requests a second.
///
/// Printed, it is the scenario in words: what was asked for, and what is to happen when.
#[derive(Debug, Clone)]
pub struct WorldBuilder {
    name: String,
    serving: Color,
    release: Option<Release>,
    by_hand: bool,
    replicas: u32,
    route_objects: Option<Vec<String>>,
    autoscalers: PerColor<Option<Autoscaler>>,
    migrations: Vec<String>,
    settings: Settings,
    users: u64,
    seed: u64,
    incidents: Vec<(Duration, Incident)>,
}

impl World {
    /// Says how a world begins.
    #[must_use]
    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }
}

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            name: "checkout".to_owned(),
            serving: Color::Blue,
            release: Some(Release::version("v1")),
            by_hand: false,
            replicas: 3,
            route_objects: None,
            autoscalers: PerColor::default(),
            migrations: Vec::new(),
            settings: Settings {
                start_time: Duration::from_secs(2),
                propagation: Duration::from_millis(100),
                weights: false,
                preview: true,
                connections: 0,
                keep_alive: 0,
            },
            users: 100,
            seed: 0,
            incidents: Vec::new(),
        }
    }
}

impl WorldBuilder {
    /// Sets the name that objects are called by: `Service/<name>`, `Deployment/<name>-blue`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Lets the route begin at `color`, where `release` is ready.
    #[must_use]
    pub fn serving(mut self, color: Color, release: Release) -> Self {
        self.serving = color;
        self.release = Some(release);
        self
    }

    /// Lets the color that serves have been made by a person: which release it is can't be observed.
    #[must_use]
    pub const fn made_by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// Lets the route begin at a color in which nothing was ever deployed.
    #[must_use]
    pub fn nothing_deployed(mut self) -> Self {
        self.release = None;
        self
    }

    /// Sets how many pods the color that serves begins with.
    #[must_use]
    pub const fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// Makes the route of these objects instead of one; users come through all of them alike.
    #[must_use]
    pub fn route_objects<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.route_objects = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Lets the route split traffic by weight.
    #[must_use]
    pub const fn weights(mut self) -> Self {
        self.settings.weights = true;
        self
    }

    /// Takes the preview path of both colors away.
    #[must_use]
    pub const fn without_preview(mut self) -> Self {
        self.settings.preview = false;
        self
    }

    /// Gives `color` an autoscaler: it keeps a color that asks for any pods between `min` and `max`, and shrinks it to `min`
    /// when no users have reached it for five minutes.
    #[must_use]
    pub const fn autoscaler(mut self, color: Color, min: u32, max: u32) -> Self {
        *self.autoscalers.get_mut(color) = Some(Autoscaler { min, max });
        self
    }

    /// Sets the migrations that are to be run before a new release can serve.
    #[must_use]
    pub fn migrations<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.migrations = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how many requests users send a second.
    #[must_use]
    pub const fn users(mut self, requests_per_second: u64) -> Self {
        self.users = requests_per_second;
        self
    }

    /// Sets how many connections users keep open to each pod that serves them; none by default.
    #[must_use]
    pub const fn connections(mut self, per_pod: u64) -> Self {
        self.settings.connections = per_pod;
        self
    }

    /// Lets `share` (0 to 1) of the requests go over connections that were opened before; none by default.
    ///
    /// Such a connection stays on its pod, wherever the route leads, until a second after the pod was told to drain, or
    /// until the pod isn't ready any more. Then its user opens another one, which goes where the data plane sends it. A
    /// pod that is removed without having been drained costs one request for each of its
    /// [`connections`](Self::connections): see [`Ledger::cut`](super::Ledger::cut).
    #[must_use]
    pub const fn keep_alive(mut self, share: f64) -> Self {
        self.settings.keep_alive = (share.clamp(0.0, 1.0) * WHOLE as f64 + 0.5) as u64;
        self
    }

    /// Sets how long a pod takes from its creation to readiness; 2 s by default.
    #[must_use]
    pub const fn start_time(mut self, start_time: Duration) -> Self {
        self.settings.start_time = start_time;
        self
    }

    /// Sets how long the data plane takes to follow a change of the route; 100 ms by default.
    #[must_use]
    pub const fn propagation(mut self, propagation: Duration) -> Self {
        self.settings.propagation = propagation;
        self
    }

    /// Sets the seed of [`World::entropy`].
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Lets something happen when the world is this old. What is to happen at the same age does so in the order of the
    /// calls.
    #[must_use]
    pub fn incident(mut self, at: Duration, incident: Incident) -> Self {
        self.incidents.push((at, incident));
        self
    }

    /// The color that serves at first.
    pub(crate) const fn serves(&self) -> Color {
        self.serving
    }

    /// Makes the world; its time begins now. Call it where tokio's time is already as the test wants it, paused or not.
    #[must_use]
    pub fn build(self) -> World {
        let slots = PerColor::from_fn(|color| {
            let mut slot = Slot::new(color, format!("Deployment/{}-{color}", self.name));
            slot.autoscaler = *self.autoscalers.get(color);
            slot
        });
        let names = self.route_objects.unwrap_or_else(|| vec![format!("Service/{}", self.name)]);
        let split = RouteState::Routes(Split::only(self.serving));
        let route = names.into_iter().map(|name| Routed::new(name, split.clone()));
        let mut state = State::new(self.settings, slots, route.collect(), self.users);
        state.schema.pending = self.migrations;
        if let Some(release) = self.release {
            state.set_color(self.serving, release, self.replicas);
            state.start(self.serving);
            if self.by_hand {
                state.made_by_hand(self.serving);
            }
        }
        for (at, incident) in self.incidents {
            state.plan_incident(at, incident);
        }
        World::new(Arc::new(Shared::new(state)), WorldEntropy::new(self.seed), MemoryJournal::new())
    }
}

impl fmt::Display for WorldBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.first_release()];
        parts.extend(self.route());
        for color in Color::ALL {
            if let Some(Autoscaler { min, max }) = self.autoscalers.get(color) {
                parts.push(format!("an autoscaler keeps {color} between {min} and {max} pods"));
            }
        }
        if !self.migrations.is_empty() {
            parts.push(format!("{} to be run", self.migrations.join(", ")));
        }
        parts.push(format!("users send {} requests/s", self.users));
        parts.extend(self.habits());
        parts.extend(self.incidents.iter().map(|(at, incident)| format!("at +{}: {incident}", span(*at))));
        f.write_str(&parts.join("; "))
    }
}

/// What is said of a world, part by part; what nobody set is only said where a reader would ask.
impl WorldBuilder {
    fn first_release(&self) -> String {
        let by = if self.by_hand { ", made by hand" } else { "" };
        match &self.release {
            Some(release) => format!("{} serves {release} with {} pods{by}", self.serving, self.replicas),
            None => format!("the route leads to {}, where nothing was ever deployed", self.serving),
        }
    }

    fn route(&self) -> Vec<String> {
        let Settings { weights, preview, .. } = self.settings;
        let named = self.name != Self::default().name;
        let parts = [
            named.then(|| format!("all is named {}", self.name)),
            self.route_objects.as_ref().map(|names| format!("the route is {}", names.join(" and "))),
            weights.then(|| "the route splits by weight".to_owned()),
            (!preview).then(|| "there is no preview".to_owned()),
        ];
        parts.into_iter().flatten().collect()
    }

    fn habits(&self) -> Vec<String> {
        let Settings { start_time, propagation, connections, keep_alive, .. } = self.settings;
        let usual = Self::default();
        let kept = || percent(keep_alive as f64 / WHOLE as f64);
        let parts = [
            (keep_alive > 0).then(|| format!("{} of them over open connections", kept())),
            (connections > 0).then(|| format!("{connections} connections stay open to each pod")),
            (start_time != usual.settings.start_time).then(|| format!("pods start in {}", span(start_time))),
            (propagation != usual.settings.propagation)
                .then(|| format!("the data plane follows the route in {}", span(propagation))),
            (self.seed != usual.seed).then(|| format!("the seed is {}", self.seed)),
        ];
        parts.into_iter().flatten().collect()
    }
}
