//! The route as a [`TrafficRouter`].

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, Convergence, Description, Endpoint, Fence, Preflight, Proof, RouteMark, RouteObject,
    RouteObservation, RouteState, RouteStep, RouteWrite, RouterCapabilities, Split, TrafficRouter, Via,
};
use futures_util::stream::BoxStream;

use super::fault::Site;
use super::follow::follow;
use super::shared::Shared;
use super::state::State;

/// Who our own writes are by.
const WRITER: &str = "bluegreen";

/// The route of a [`World`](super::World).
#[derive(Debug, Clone)]
pub struct WorldRouter {
    shared: Arc<Shared>,
}

impl WorldRouter {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl TrafficRouter for WorldRouter {
    fn describe(&self) -> Description {
        let names = |state: &State| state.route.iter().map(|object| object.name.clone()).collect::<Vec<_>>();
        Description::new("WorldRouter").with("objects", self.shared.look(names))
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        Vec::new()
    }

    fn capabilities(&self) -> RouterCapabilities {
        let (weights, preview) = (self.shared).look(|state| (state.settings.weights, state.settings.preview));
        RouterCapabilities::switch_only().with_weights(weights).with_addresses(true, preview)
    }

    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        let site = Site::new("router.observe", "read", "the route");
        self.shared.call(site, |state| Ok(state.observe_route())).await
    }

    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        follow(Arc::clone(&self.shared), State::observe_route)
    }

    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        if !self.capabilities().weights && to.sole().is_none() {
            return Vec::new();
        }
        let to = RouteState::Routes(to);
        let step = |object: &RouteObject| RouteStep {
            object: object.name.clone(),
            from: object.state.clone(),
            to: to.clone(),
        };
        let known = |object: &&RouteObject| matches!(object.state, RouteState::Routes(_)) && object.state != to;
        route.objects.iter().filter(known).map(step).collect()
    }

    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        let site = Site::new("router.write", "write", &*write.object.name).leaving(&write.mark.stamp);
        let write =
            Write { object: write.object.clone(), fence: write.fence, to: write.to.clone(), mark: write.mark.clone() };
        self.shared.call(site, move |state| state.write_route(&write)).await
    }

    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        let site = Site::new("router.converge", "await convergence of", "the route");
        self.shared.call(site, |_| Ok(())).await?;
        let arrived = |state: &State| state.has_converged(color, endpoints).then_some(());
        self.shared.until(arrived).await;
        let count = endpoints.len();
        Ok(Convergence {
            endpoints: count,
            proof: Proof::Endpoints,
            evidence: format!("the data plane sends new connections to exactly {count} pods of {color}"),
        })
    }

    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError> {
        let site = Site::new("router.prepare_preview", "make", "the preview path");
        let prepare = move |state: &mut State| {
            let made = state.settings.preview && !*state.previews.get(color);
            *state.previews.get_mut(color) |= made;
            Ok(made)
        };
        self.shared.call(site, prepare).await
    }

    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        let site = Site::new("router.address", "read the address of", "the route");
        let address = move |state: &mut State| {
            Ok(match via {
                Via::Production => Some(Address("http://production.world".to_owned())),
                Via::Preview => state.previews.get(color).then(|| Address(format!("http://{color}.preview.world"))),
            })
        };
        self.shared.call(site, address).await
    }
}

/// A write on its way.
struct Write {
    object: RouteObject,
    fence: Fence,
    to: RouteState,
    mark: RouteMark,
}

impl Write {
    /// Tests that the object is as it was read: its whole routing state, and what the fence asks for.
    fn test(&self, found: &RouteObject) -> Result<(), BackendError> {
        let fence = match (self.fence, &self.object.mark, &found.mark) {
            (Fence::Version, ..) => self.object.version == found.version,
            (Fence::Stamp, Some(expected), Some(found)) => expected.stamp == found.stamp,
            (Fence::Stamp, Some(_), None) => false,
            (Fence::Stamp, None, _) => {
                return Err(refused(found, "a write can't test a stamp where none was read; test the version"));
            }
        };
        if fence && self.object.exact == found.exact {
            return Ok(());
        }
        Err(BackendError::Conflict {
            object: found.name.clone(),
            expected: describe(&self.object, self.fence),
            found: describe(found, self.fence),
        })
    }
}

/// What a fenced write sees of an object.
fn describe(object: &RouteObject, fence: Fence) -> String {
    let by = object.changed.as_ref().map(|change| format!(", changed by {change}"));
    let seen = match (fence, &object.mark) {
        (Fence::Version, _) => format!("version {}", object.version),
        (Fence::Stamp, Some(mark)) => format!("stamp {}", mark.stamp),
        (Fence::Stamp, None) => "no stamp".to_owned(),
    };
    format!("{} with {seen}{}", object.state, by.unwrap_or_default())
}

fn refused(object: &RouteObject, message: &str) -> BackendError {
    BackendError::Refused { action: "write".to_owned(), object: object.name.clone(), message: message.to_owned() }
}

impl State {
    fn write_route(&mut self, write: &Write) -> Result<RouteObject, BackendError> {
        let name = &write.object.name;
        let Some(found) = self.route.iter().find(|object| object.name == *name).map(|object| object.observe()) else {
            return Err(BackendError::NotFound {
                object: name.clone(),
                hint: "the world was built without it".to_owned(),
            });
        };
        write.test(&found)?;
        if write.to != found.state {
            self.check_target(&found, &write.to)?;
        }
        self.check_route_write(&found, &write.to, &write.mark);
        Ok(self.set_route(&found.name, write.to.clone(), WRITER, Some(write.mark.clone())).unwrap_or(found))
    }

    /// Whether this router can set `to` at all.
    fn check_target(&self, object: &RouteObject, to: &RouteState) -> Result<(), BackendError> {
        match to {
            RouteState::Routes(split) if split.sole().is_some() || self.settings.weights => Ok(()),
            RouteState::Routes(_) => {
                Err(BackendError::Unsupported { action: format!("route to {to}"), backend: "WorldRouter".to_owned() })
            }
            RouteState::Foreign(_) | RouteState::Absent => Err(refused(object, "only a split can be written")),
        }
    }

    /// Sets where an object routes to, and its mark.
    pub(crate) fn set_route(
        &mut self,
        name: &str,
        to: RouteState,
        by: &str,
        mark: Option<RouteMark>,
    ) -> Option<RouteObject> {
        let version = self.next_version();
        let (now, propagation) = (self.now, self.settings.propagation);
        let object = self.route.iter_mut().find(|object| object.name == name)?;
        object.set(to, by, now, propagation);
        object.mark = mark;
        object.version = version;
        Some(object.observe())
    }

    fn has_converged(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> bool {
        let ready = self.slot(color).observe(self.now).endpoints;
        self.route.iter().all(|object| object.has_converged(color)) && ready == *endpoints
    }
}
