//! The route of a world.

mod support;

use bluegreen_core::{BackendError, Color, Proof, RouteState, Split, TrafficRouter, Via};
use bluegreen_testkit::World;
use futures_util::{FutureExt, StreamExt};
use support::{deploy, is_conflict, ms, secs, switch, write};
use tokio::time::sleep;

/// A world with v1 on blue and v2 ready on green.
async fn both_ready() -> Result<World, BackendError> {
    let world = World::builder().build();
    deploy(&world, Color::Green, "v2", 1).await?;
    sleep(secs(2)).await;
    Ok(world)
}

#[tokio::test(start_paused = true)]
async fn a_write_tests_the_fence_and_the_whole_state() {
    let world = both_ready().await.unwrap();
    let unmarked = world.route().objects.remove(0);
    let raised = write(&world, &unmarked, Split::only(Color::Blue), 1).await.unwrap();
    assert_eq!(raised.mark.as_ref().unwrap().stamp, support::stamp(1));
    assert_eq!((&raised.state, &raised.changed), (&unmarked.state, &None), "a raise changes the mark alone");
    assert!(is_conflict(&write(&world, &unmarked, Split::only(Color::Blue), 2).await), "the version moved");

    let switched = write(&world, &raised, Split::only(Color::Green), 3).await.unwrap();
    assert_eq!(switched.changed.as_ref().unwrap().by, "bluegreen");
    assert!(is_conflict(&write(&world, &raised, Split::only(Color::Green), 4).await), "the stamp moved");

    world.edit_route(Split::only(Color::Blue));
    let stale = write(&world, &switched, Split::only(Color::Green), 5).await.unwrap_err();
    assert_eq!(
        stale.to_string(),
        format!(
            "Service/checkout is not as expected: expected green with stamp {0}, changed by bluegreen at \
             2026-01-01T00:00:02Z, found blue with stamp {0}, changed by kubectl-edit at 2026-01-01T00:00:02Z",
            support::stamp(3)
        ),
        "the state moved under the stamp"
    );
    assert!(world.route().objects[0].is_foreign());
}

#[tokio::test(start_paused = true)]
async fn a_person_can_take_the_key_or_the_mark() {
    let world = both_ready().await.unwrap();
    switch(&world, Color::Blue, 1).await.unwrap();
    world.remove_key();
    let route = world.route();
    assert_eq!((route.split, route.objects[0].is_foreign()), (None, true));
    assert!(route.references(Color::Blue) && route.references(Color::Green));
    assert!(world.router().steps(&route, Split::only(Color::Green)).is_empty());
    world.replace_route(Color::Green);
    let route = world.route();
    assert_eq!((route.active(), &route.objects[0].mark), (Some(Color::Green), &None));
}

#[tokio::test(start_paused = true)]
async fn a_switch_converges_after_the_propagation() {
    let world = both_ready().await.unwrap();
    let router = world.router();
    let blue = world.color(Color::Blue).endpoints;
    let green = world.color(Color::Green).endpoints;
    assert_eq!(router.converge(Color::Blue, &blue).await.unwrap().proof, Proof::Endpoints);
    switch(&world, Color::Green, 1).await.unwrap();
    assert!(router.converge(Color::Blue, &blue).now_or_never().is_none());
    let proof = router.converge(Color::Green, &green).await.unwrap();
    assert_eq!((proof.endpoints, world.elapsed()), (3, ms(2100)));

    let other_pods = tokio::time::timeout(secs(60), router.converge(Color::Green, &blue));
    assert!(other_pods.await.is_err(), "proof is by identity");
}

#[tokio::test(start_paused = true)]
async fn several_objects_are_switched_one_by_one() {
    let world = World::builder().route_objects(["service/a", "service/b"]).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    let steps = world.router().steps(&world.route(), Split::only(Color::Green));
    assert_eq!(steps.iter().map(|step| step.object.as_str()).collect::<Vec<_>>(), ["service/a", "service/b"]);
    write(&world, &world.route().objects[0], Split::only(Color::Green), 2).await.unwrap();
    let half = world.route();
    assert_eq!((half.split, half.references(Color::Blue)), (None, true));
    assert_eq!(world.router().steps(&half, Split::only(Color::Green)).len(), 1);
    sleep(ms(100)).await;
    let before = world.requests().answered;
    sleep(secs(10)).await;
    let after = world.requests().answered;
    assert_eq!((after.blue - before.blue, after.green - before.green), (500, 500));
}

#[tokio::test(start_paused = true)]
async fn weights_need_a_route_that_has_them() {
    let tenth = Split::percent(Color::Green, 10);
    for weighted in [false, true] {
        let builder = World::builder();
        let world = if weighted { builder.weights() } else { builder }.build();
        deploy(&world, Color::Green, "v2", 1).await.unwrap();
        sleep(secs(2)).await;
        assert_eq!(world.router().capabilities().weights, weighted);
        assert_eq!(world.router().steps(&world.route(), tenth).len(), usize::from(weighted));
        let wrote = write(&world, &world.route().objects[0], tenth, 2).await;
        if !weighted {
            assert!(matches!(wrote, Err(BackendError::Unsupported { .. })));
            continue;
        }
        assert_eq!(wrote.unwrap().state, RouteState::Routes(tenth));
        sleep(ms(100)).await;
        let before = world.requests().answered.green;
        sleep(secs(10)).await;
        assert_eq!(world.requests().answered.green - before, 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_sees_each_change_at_once() {
    let world = both_ready().await.unwrap();
    let mut watch = world.router().watch();
    assert_eq!(watch.next().await.unwrap().unwrap().active(), Some(Color::Blue));
    world.edit_route(Split::only(Color::Green));
    assert_eq!(watch.next().await.unwrap().unwrap().active(), Some(Color::Green));
    assert!(watch.next().now_or_never().is_none());
    world.remove_key();
    assert_eq!(watch.next().await.unwrap().unwrap().split, None);
    assert_eq!(world.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_preview_path_is_made_once() {
    let world = World::builder().build();
    let router = world.router();
    assert_eq!(router.address(Via::Preview, Color::Green).await.unwrap(), None);
    assert!(router.prepare_preview(Color::Green).await.unwrap());
    assert!(!router.prepare_preview(Color::Green).await.unwrap());
    assert!(router.address(Via::Preview, Color::Green).await.unwrap().is_some());
    assert!(router.address(Via::Production, Color::Green).await.unwrap().is_some());
    let without = World::builder().without_preview().build().router();
    assert!(!without.capabilities().preview_address);
    assert!(!without.prepare_preview(Color::Green).await.unwrap());
    assert_eq!(without.address(Via::Preview, Color::Green).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn our_own_writes_are_held_to_the_laws() {
    let world = World::builder().build();
    switch(&world, Color::Blue, 1).await.unwrap();
    deploy(&world, Color::Green, "v2", 2).await.unwrap();
    assert!(world.violations().is_empty());
    switch(&world, Color::Green, 3).await.unwrap();
    deploy(&world, Color::Green, "v3", 4).await.unwrap();
    assert_eq!(
        world.violations(),
        [
            "law 1 at 0ns: Service/checkout was written from blue to green, but green has no ready pod",
            "law 2 at 0ns: green was touched while Service/checkout routes to green: v3 was deployed with 3 replicas",
        ]
    );
    world.edit_route(Split::only(Color::Blue));
    world.scale(Color::Blue, 0);
    assert_eq!(world.violations().len(), 2, "what a person does is no violation");
}
