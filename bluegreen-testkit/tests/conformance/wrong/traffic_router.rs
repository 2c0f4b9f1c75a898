//! Routers that are wrong in one way.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, Convergence, Description, Endpoint, Fence, Preflight, Proof, RouteMark, RouteObject,
    RouteObservation, RouteState, RouteStep, RouteWrite, RouterCapabilities, Split, TrafficRouter, Via,
};
use bluegreen_testkit::conformance::traffic_router::{Subject, suite};
use bluegreen_testkit::{World, WorldRouter};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::proof::{Row, prove};
use crate::world::{done, traffic_router as world};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    OrdersObjectsAnew,
    StepsWithoutEnd,
    StepsFromWhatIsThereNow,
    ReturnsWhatWasThere,
    KeepsTheMark,
    ForgetsWhatEnded,
    KeepsTheVersion,
    WatchesTheBeginningOnly,
    RoundsSplits,
    HidesItsWeights,
    ReadsFromACache,
    TestsBeforeItWrites,
    IgnoresTheStamp,
    IgnoresTheVersion,
    TestsNoStampWhereNoneWasRead,
    WritesInTwoSteps,
    OverwritesForeignEdits,
    TellsAForeignStateAsItsOwn,
    NeverConverges,
    ConvergesAtOnce,
    LooksAtOneObject,
    ConvergesAtTheLargerShare,
    CountsEndpoints,
    RemembersEndpoints,
    BelievesTheObjects,
    MovesTrafficWhenAskedForAProof,
    DescribesWhatItDid,
    HidesItsAddress,
    MakesPreviewsEveryTime,
    MakesPreviewsUnasked,
    IsThereForEver,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::OrdersObjectsAnew, &["the_route_is_read_as_it_is"]),
    (Wrong::StepsWithoutEnd, &["steps_lead_to_the_split_and_end"]),
    (Wrong::StepsFromWhatIsThereNow, &["steps_are_the_same_for_the_same_route"]),
    (Wrong::ReturnsWhatWasThere, &["a_raise_changes_nothing_but_the_mark"]),
    (Wrong::KeepsTheMark, &["a_write_leaves_state_and_mark_together"]),
    (Wrong::ForgetsWhatEnded, &["a_mark_is_read_back_exactly"]),
    (Wrong::KeepsTheVersion, &["every_change_has_a_new_version"]),
    (Wrong::WatchesTheBeginningOnly, &["a_watch_begins_with_the_present_and_tells_each_change"]),
    (Wrong::RoundsSplits, &["a_split_is_written_and_read_back"]),
    (Wrong::HidesItsWeights, &["a_split_that_can_not_be_done_is_refused"]),
    (Wrong::ReadsFromACache, &["a_write_of_another_process_is_read_at_once"]),
    (Wrong::TestsBeforeItWrites, &["one_of_two_raises_at_once_wins", "one_of_two_switches_at_once_wins"]),
    (Wrong::IgnoresTheStamp, &["an_older_stamp_is_a_conflict"]),
    (Wrong::IgnoresTheVersion, &["an_older_version_is_a_conflict"]),
    (Wrong::TestsNoStampWhereNoneWasRead, &["a_stamp_that_was_not_read_can_not_be_tested"]),
    (Wrong::WritesInTwoSteps, &["a_dropped_write_is_done_whole_or_not_at_all"]),
    (
        Wrong::OverwritesForeignEdits,
        &["a_foreign_edit_is_told_and_never_overwritten", "an_edit_between_two_writes_is_a_conflict"],
    ),
    (Wrong::TellsAForeignStateAsItsOwn, &["a_foreign_state_is_told_and_has_no_steps"]),
    (Wrong::NeverConverges, &["what_serves_is_proven"]),
    (Wrong::ConvergesAtOnce, &["nothing_is_proven_before_the_switch"]),
    (Wrong::LooksAtOneObject, &["nothing_is_proven_while_an_object_still_leads_elsewhere"]),
    (Wrong::ConvergesAtTheLargerShare, &["nothing_is_proven_while_the_other_color_gets_a_share"]),
    (Wrong::CountsEndpoints, &["other_endpoints_than_those_that_serve_are_never_proven"]),
    (Wrong::RemembersEndpoints, &["replaced_endpoints_are_noticed"]),
    (Wrong::BelievesTheObjects, &["what_is_proven_gets_the_traffic"]),
    (Wrong::MovesTrafficWhenAskedForAProof, &["a_wait_that_is_dropped_changes_nothing"]),
    (Wrong::DescribesWhatItDid, &["it_describes_itself_the_same_way_every_time"]),
    (Wrong::HidesItsAddress, &["there_is_a_production_address_where_it_says_so"]),
    (Wrong::MakesPreviewsEveryTime, &["a_preview_is_made_once_and_leads_to_one_color"]),
    (Wrong::MakesPreviewsUnasked, &["there_is_no_preview_where_it_says_so"]),
    (Wrong::IsThereForEver, &["a_route_that_is_not_there_says_how_to_make_it"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_router_can_fail() {
    let wrong = |wrong| suite("wrong", move || std::future::ready(Ok(subject(wrong))));
    let right = vec![suite("right", world::weighted), suite("right", world::of_two_objects)];
    prove(right, wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let two = matches!(wrong, Wrong::OrdersObjectsAnew | Wrong::LooksAtOneObject | Wrong::MakesPreviewsUnasked);
    let world = if two { world::world_of_two_objects() } else { world::weighted_world() };
    let router = WrongRouter {
        wrong,
        inner: world.router(),
        world: world.clone(),
        calls: Arc::default(),
        seen: Arc::default(),
        proven: Arc::default(),
    };
    let subject = match wrong {
        // The other process has a cache of its own.
        Wrong::ReadsFromACache => world::around(&world, router, world.router()),
        _ => world::around(&world, router.clone(), router),
    };
    let subject = subject.objects(if two { 2 } else { 1 });
    if wrong == Wrong::IsThereForEver { subject.removes(done) } else { subject }
}

#[derive(Debug, Clone)]
struct WrongRouter {
    wrong: Wrong,
    inner: WorldRouter,
    world: World,
    calls: Arc<AtomicU64>,
    /// What was read last, for those who keep it.
    seen: Arc<Mutex<Option<RouteObservation>>>,
    /// What was ever proven, for those who keep it.
    proven: Arc<Mutex<BTreeSet<Endpoint>>>,
}

impl WrongRouter {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    fn object(&self, name: &str) -> Option<RouteObject> {
        self.world.route().objects.into_iter().find(|object| object.name == name)
    }

    /// What this backend takes for the object that a write expects.
    fn expectation(&self, write: &RouteWrite<'_>) -> RouteObject {
        let expected = write.object.clone();
        let Some(now) = self.object(&expected.name) else { return expected };
        let same_stamp = expected.mark.as_ref().map(|mark| &mark.stamp) == now.mark.as_ref().map(|mark| &mark.stamp);
        let forgets = match self.wrong {
            Wrong::IgnoresTheStamp => write.fence == Fence::Stamp && expected.mark.is_some(),
            Wrong::IgnoresTheVersion | Wrong::KeepsTheVersion => write.fence == Fence::Version,
            Wrong::TestsNoStampWhereNoneWasRead => write.fence == Fence::Stamp && expected.mark.is_none(),
            Wrong::OverwritesForeignEdits => write.fence == Fence::Stamp && same_stamp,
            _ => false,
        };
        let mark = now.mark.clone().or_else(|| Some(write.mark.clone()));
        if forgets { RouteObject { mark, ..now } } else { expected }
    }

    /// Reads, tests, and only then writes whatever is there by then.
    async fn tested(&self, write: &RouteWrite<'_>) -> RouteObject {
        let expected = self.expectation(write);
        let now = self.object(&expected.name);
        if !self.is(Wrong::TestsBeforeItWrites) || now.is_none_or(|now| now.version != expected.version) {
            return expected;
        }
        tokio::task::yield_now().await;
        let now = self.object(&expected.name).unwrap_or(expected);
        let mark = now.mark.clone().or_else(|| Some(write.mark.clone()));
        RouteObject { mark, ..now }
    }

    /// What this backend tells of an object.
    fn told(&self, mut object: RouteObject) -> RouteObject {
        match (self.wrong, &object.state, &object.mark) {
            (Wrong::KeepsTheVersion, ..) => "1".clone_into(&mut object.version),
            (Wrong::TellsAForeignStateAsItsOwn, RouteState::Foreign(_), Some(mark)) => object.state = mark.state(),
            _ => {}
        }
        object
    }

    /// Waits until `arrived`, however long it takes.
    async fn until(&self, arrived: impl Fn() -> bool + Send) {
        while !arrived() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[async_trait]
impl TrafficRouter for WrongRouter {
    fn describe(&self) -> Description {
        let described = self.inner.describe();
        match self.wrong {
            Wrong::DescribesWhatItDid => described.with("calls", self.calls.load(Ordering::Relaxed)),
            _ => described,
        }
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.inner.preflights()
    }

    fn capabilities(&self) -> RouterCapabilities {
        let can = self.inner.capabilities();
        can.with_weights(can.weights && !self.is(Wrong::HidesItsWeights))
    }

    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.is(Wrong::ReadsFromACache) {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(seen) = seen {
                return Ok(seen);
            }
        }
        let mut route = self.inner.observe().await?;
        route.objects = route.objects.into_iter().map(|object| self.told(object)).collect();
        if self.is(Wrong::OrdersObjectsAnew) && calls % 2 == 1 {
            route.objects.reverse();
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(route.clone());
        Ok(route)
    }

    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        let watch = self.inner.watch();
        match self.wrong {
            Wrong::WatchesTheBeginningOnly => watch.take(1).chain(stream::pending()).boxed(),
            _ => watch,
        }
    }

    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        match self.wrong {
            Wrong::StepsWithoutEnd => {
                let step = |object: &RouteObject| RouteStep {
                    object: object.name.clone(),
                    from: object.state.clone(),
                    to: RouteState::Routes(to),
                };
                route.objects.iter().map(step).collect()
            }
            Wrong::StepsFromWhatIsThereNow => self.inner.steps(&self.world.route(), to),
            _ => self.inner.steps(route, to),
        }
    }

    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        let before = write.object.clone();
        let object = &self.tested(&write).await;
        let mark = &match self.wrong {
            Wrong::KeepsTheMark => before.mark.clone().unwrap_or_else(|| write.mark.clone()),
            Wrong::ForgetsWhatEnded => RouteMark { ended: false, ..write.mark.clone() },
            _ => write.mark.clone(),
        };
        let to = &match write.to {
            RouteState::Routes(split) if self.is(Wrong::RoundsSplits) && split.sole().is_none() => {
                let larger = if split.blue > split.green { Color::Blue } else { Color::Green };
                RouteState::Routes(Split::only(larger))
            }
            to => to.clone(),
        };
        let wrote = if self.is(Wrong::WritesInTwoSteps) {
            let marked = self.inner.write(RouteWrite { to: &object.state, ..write }).await?;
            tokio::task::yield_now().await;
            self.inner.write(RouteWrite { object: &marked, fence: Fence::Stamp, ..write }).await?
        } else {
            self.inner.write(RouteWrite { object, to, mark, ..write }).await?
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(if self.is(Wrong::ReturnsWhatWasThere) { before } else { self.told(wrote) })
    }

    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        let route = || self.world.route();
        let leads =
            |object: &RouteObject| matches!(object.state, RouteState::Routes(split) if split.sole() == Some(color));
        let proof = Convergence {
            endpoints: endpoints.len(),
            proof: Proof::Endpoints,
            evidence: "it looks like it".to_owned(),
        };
        match self.wrong {
            Wrong::NeverConverges => std::future::pending().await,
            Wrong::ConvergesAtOnce => return Ok(proof),
            Wrong::LooksAtOneObject => self.until(|| route().objects.first().is_some_and(leads)).await,
            Wrong::ConvergesAtTheLargerShare => {
                let larger = || route().split.is_some_and(|split| split.share(color) > 0.5);
                self.until(|| larger() && self.world.color(color).endpoints == *endpoints).await;
            }
            Wrong::CountsEndpoints => {
                let count = || self.world.color(color).endpoints.len();
                self.until(|| route().objects.iter().all(leads) && count() == endpoints.len()).await;
            }
            Wrong::BelievesTheObjects => {
                let there = || self.world.color(color).endpoints == *endpoints;
                self.until(|| route().objects.iter().all(leads) && there()).await;
            }
            Wrong::RemembersEndpoints => {
                if self.proven.lock().unwrap_or_else(PoisonError::into_inner).is_superset(endpoints) {
                    return Ok(proof);
                }
                let proof = self.inner.converge(color, endpoints).await?;
                self.proven.lock().unwrap_or_else(PoisonError::into_inner).extend(endpoints.clone());
                return Ok(proof);
            }
            Wrong::MovesTrafficWhenAskedForAProof => {
                self.world.edit_route(Split::only(color));
                return self.inner.converge(color, endpoints).await;
            }
            _ => return self.inner.converge(color, endpoints).await,
        }
        Ok(proof)
    }

    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError> {
        let wrote = self.inner.prepare_preview(color).await?;
        Ok(wrote || matches!(self.wrong, Wrong::MakesPreviewsEveryTime | Wrong::MakesPreviewsUnasked))
    }

    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        let address = self.inner.address(via, color).await?;
        Ok(address.filter(|_| via == Via::Preview || !self.is(Wrong::HidesItsAddress)))
    }
}
