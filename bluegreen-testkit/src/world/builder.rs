//! How a world begins.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Autoscaler, Color, MemoryJournal, PerColor, Release, RouteState, Split};

use super::World;
use super::clock::WorldEntropy;
use super::route::Routed;
use super::shared::Shared;
use super::slot::Slot;
use super::state::{Settings, State};

/// Says how a [`World`] begins. Without a word: blue serves `v1` with three pods through `Service/checkout`, green was
/// never deployed, nothing carries a stamp yet, and users send 100 requests a second.
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
            },
            users: 100,
            seed: 0,
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
        World::new(Arc::new(Shared::new(state)), WorldEntropy::new(self.seed), MemoryJournal::new())
    }
}
