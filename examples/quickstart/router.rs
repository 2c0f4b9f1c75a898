//! The route as a [`TrafficRouter`]: one object that says which color gets the traffic.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, Convergence, Description, Endpoint, Fence, PerColor, Preflight, Proof, RouteMark,
    RouteObject, RouteObservation, RouteState, RouteStep, RouteWrite, RouterCapabilities, Split, TrafficRouter, Via,
};
use futures_util::stream::BoxStream;

use crate::http;
use crate::object::Object;

/// What people call the object.
const NAME: &str = "route/shop";
/// How long to wait before a data plane that has not followed yet is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The route as it is stored. Where it leads and the mark of who wrote that are one value, changed in one step.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) split: Split,
    mark: Option<RouteMark>,
    version: u64,
}

impl Route {
    pub(crate) const fn new(color: Color) -> Self {
        Self { split: Split::only(color), mark: None, version: 1 }
    }

    fn object(&self) -> RouteObject {
        RouteObject {
            name: NAME.to_owned(),
            version: self.version.to_string(),
            state: RouteState::Routes(self.split),
            exact: self.split.to_string().into(),
            mark: self.mark.clone(),
            changed: None,
        }
    }

    fn observe(&self) -> RouteObservation {
        RouteObservation { split: Some(self.split), objects: vec![self.object()] }
    }

    /// Tests the fence and the whole routing state: either of them alone would let a late write through.
    fn test(&self, expect: &RouteObject, fence: Fence) -> Result<(), BackendError> {
        let found = self.object();
        let stamp = |object: &RouteObject| object.mark.as_ref().map(|mark| mark.stamp.clone());
        let fenced = match fence {
            Fence::Version => expect.version == found.version,
            Fence::Stamp => stamp(expect).is_some() && stamp(expect) == stamp(&found),
        };
        if fenced && expect.exact == found.exact {
            return Ok(());
        }
        let describe = |object: &RouteObject| {
            let mark = object.mark.as_ref().map_or_else(|| "no mark".to_owned(), ToString::to_string);
            format!("{} at version {} with {mark}", object.state, object.version)
        };
        Err(BackendError::Conflict { object: NAME.to_owned(), expected: describe(expect), found: describe(&found) })
    }
}

/// Where the data plane listens.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// For users: leads where the route says.
    pub(crate) production: SocketAddr,
    /// For tests before the switch: always lead to one color.
    pub(crate) previews: PerColor<SocketAddr>,
}

/// Moves the traffic of this process.
#[derive(Debug)]
pub(crate) struct LocalRouter {
    route: Object<Route>,
    addresses: Addresses,
}

impl LocalRouter {
    pub(crate) const fn new(route: Object<Route>, addresses: Addresses) -> Self {
        Self { route, addresses }
    }

    /// Asks several times who answers, on a new connection each time. The data plane takes pods in turn, so that twice as
    /// many questions as there are pods reach each of them.
    async fn who_answers(&self, pods: usize) -> Result<BTreeSet<String>, BackendError> {
        let mut pods_seen = BTreeSet::new();
        for _ in 0..pods.max(1) * 2 {
            let answer = http::get_once(self.addresses.production, "/health").await;
            let answer = answer.map_err(|error| BackendError::Unavailable {
                action: "ask who answers".to_owned(),
                object: NAME.to_owned(),
                source: error,
            })?;
            pods_seen.insert(answer.pod);
        }
        Ok(pods_seen)
    }
}

#[async_trait]
impl TrafficRouter for LocalRouter {
    fn describe(&self) -> Description {
        Description::new("LocalRouter").with("object", NAME)
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        Vec::new()
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::switch_only().with_addresses(true, true)
    }

    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        Ok(self.route.read(Route::observe))
    }

    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        self.route.follow(Route::observe)
    }

    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        let to = RouteState::Routes(to);
        let objects = route.objects.iter().filter(|object| object.state != to);
        objects
            .map(|object| RouteStep { object: object.name.clone(), from: object.state.clone(), to: to.clone() })
            .collect()
    }

    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        let RouteState::Routes(split) = write.to else {
            return Err(BackendError::Refused {
                action: "write".to_owned(),
                object: NAME.to_owned(),
                message: format!("it can only lead to a color, not to {}", write.to),
            });
        };
        self.route.write(|route| {
            route.test(write.object, write.fence)?;
            route.split = *split;
            route.mark = Some(write.mark.clone());
            route.version += 1;
            Ok(route.object())
        })
    }

    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        let expected: BTreeSet<_> = endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
        loop {
            // A proof by answers: that the route was written says nothing about where connections go.
            if self.who_answers(expected.len()).await? == expected {
                return Ok(Convergence {
                    endpoints: expected.len(),
                    proof: Proof::Answers,
                    evidence: format!("new connections are answered by exactly the {} pods of {color}", expected.len()),
                });
            }
            // Nobody tells when a data plane has followed, so it has to be asked.
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    async fn prepare_preview(&self, _: Color) -> Result<bool, BackendError> {
        // Both preview addresses are there from the beginning.
        Ok(false)
    }

    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        let address = match via {
            Via::Production => &self.addresses.production,
            Via::Preview => self.addresses.previews.get(color),
        };
        Ok(Some(Address(format!("http://{address}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> RouteMark {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_write_that_lands_late_changes_nothing() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let addresses = Addresses { production: address, previews: PerColor::from_fn(|_| address) };
        let router = LocalRouter::new(Object::new(Route::new(Color::Blue)), addresses);
        let write = async |object: &RouteObject, fence, mark: &RouteMark| {
            let to = mark.state();
            let to = &to;
            router.write(RouteWrite { object, fence, to, mark }).await
        };

        let (raise, switch) = (mark("1.1/a blue first from:blue"), mark("1.2/a green first from:blue"));
        let unmarked = router.observe().await.unwrap().objects.remove(0);
        // Where no stamp was read, there is none to test.
        assert!(write(&unmarked, Fence::Stamp, &raise).await.is_err());
        let raised = write(&unmarked, Fence::Version, &raise).await.unwrap();
        // Somebody else takes over while the switch is on its way.
        let taken = write(&raised, Fence::Version, &mark("2.1/b blue second from:blue")).await.unwrap();

        for late in [write(&raised, Fence::Stamp, &switch).await, write(&unmarked, Fence::Version, &raise).await] {
            assert!(matches!(late, Err(BackendError::Conflict { .. })));
        }
        assert_eq!(router.observe().await.unwrap().objects, [taken]);
    }
}
