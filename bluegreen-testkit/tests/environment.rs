//! The two colors of a world.

mod support;

use bluegreen_core::{BackendError, Color, Environment, Fence, ObstacleKind, Release};
use bluegreen_testkit::{Behavior, World};
use futures_util::StreamExt;
use support::{deploy, deploy_over, fence, is_conflict, ms, scale, seal, secs, switch};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn the_world_begins_with_blue_ready_and_green_absent() {
    let world = World::builder().build();
    let blue = world.environment().observe(Color::Blue).await.unwrap();
    assert!(blue.is_ready(&Release::version("v1"), 3));
    assert_eq!((blue.stamp, blue.object.as_str()), (None, "Deployment/checkout-blue"));
    let green = world.environment().observe(Color::Green).await.unwrap();
    assert!(!green.exists && !green.is_up());
}

#[tokio::test(start_paused = true)]
async fn a_deployed_release_gets_ready_after_its_start_time() {
    let world = World::builder().start_time(secs(5)).build();
    let wrote = deploy(&world, Color::Green, "v2", 1).await.unwrap();
    assert_eq!((wrote.desired, wrote.ready, wrote.stamp), (3, 0, Some(support::stamp(1))));
    assert_eq!(wrote.obstacles[0].kind, ObstacleKind::NotReady);
    sleep(secs(4)).await;
    assert_eq!(world.color(Color::Green).ready, 0);
    sleep(secs(1)).await;
    assert!(world.color(Color::Green).is_ready(&Release::version("v2"), 3));
}

#[tokio::test(start_paused = true)]
async fn a_new_release_replaces_the_pods_and_the_same_one_keeps_them() {
    let world = World::builder().build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    let pods = world.color(Color::Green).endpoints;
    let again = deploy(&world, Color::Green, "v2", 2).await.unwrap();
    assert_eq!((again.endpoints, again.ready), (pods.clone(), 3));
    let other = deploy(&world, Color::Green, "v3", 3).await.unwrap();
    assert_eq!(other.ready, 0);
    sleep(secs(2)).await;
    assert!(world.color(Color::Green).endpoints.is_disjoint(&pods));
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_every_change_when_it_happens() {
    let world = World::builder().build();
    let mut watch = world.environment().watch(Color::Green);
    assert!(!watch.next().await.unwrap().unwrap().exists);
    let writer = world.clone();
    let deployed = tokio::spawn(async move {
        sleep(secs(1)).await;
        deploy(&writer, Color::Green, "v2", 1).await.unwrap();
    });
    assert_eq!(watch.next().await.unwrap().unwrap().desired, 3);
    assert_eq!(world.elapsed(), secs(1));
    deployed.await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().ready, 3);
    assert_eq!(world.elapsed(), secs(3));
    world.kill_pods(Color::Green);
    assert_eq!(watch.next().await.unwrap().unwrap().ready, 0);
    assert_eq!(world.elapsed(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn every_write_tests_what_it_read() {
    let world = World::builder().build();
    let absent = world.color(Color::Green);
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    assert!(is_conflict(&deploy_over(&world, &absent, Fence::Version, "v3", 2).await), "create");

    let read = world.color(Color::Green);
    sleep(secs(2)).await;
    assert!(is_conflict(&deploy_over(&world, &read, Fence::Version, "v3", 3).await), "status moves the version");
    let sealed = seal(&world, &read, 4).await.unwrap();
    assert_eq!((sealed.stamp.as_ref(), sealed.ready), (Some(&support::stamp(4)), 3), "but not the stamp");

    let stale = deploy_over(&world, &read, Fence::Stamp, "v3", 5).await.unwrap_err();
    assert_eq!(
        stale.to_string(),
        format!(
            "Deployment/checkout-green is not as expected: expected stamp {}, found stamp {}",
            support::stamp(1),
            support::stamp(4)
        )
    );
    world.scale(Color::Green, 2);
    assert!(is_conflict(&deploy_over(&world, &sealed, Fence::Version, "v3", 6).await), "a foreign change");
    deploy_over(&world, &sealed, Fence::Stamp, "v3", 7).await.unwrap();
    world.delete(Color::Green);
    assert!(is_conflict(&deploy_over(&world, &sealed, Fence::Stamp, "v3", 8).await), "gone");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_refused() {
    let world = World::builder().build();
    let blue = world.color(Color::Blue);
    assert_eq!(fence(&blue), Fence::Version);
    for result in [
        deploy_over(&world, &blue, Fence::Stamp, "v1", 1).await,
        scale(&world, Color::Green, 1, 2).await,
        seal(&world, &world.color(Color::Green), 3).await,
    ] {
        assert!(matches!(result, Err(BackendError::Refused { .. } | BackendError::NotFound { .. })), "{result:?}");
    }
    assert_eq!(world.color(Color::Blue), blue);
}

#[tokio::test(start_paused = true)]
async fn a_color_that_can_never_get_ready_says_why() {
    for (behavior, kind, message) in [
        (Behavior::image_missing(), ObstacleKind::ImagePull, "Back-off pulling image: not found"),
        (Behavior::never_ready(), ObstacleKind::NotReady, "container app is not ready"),
        (
            Behavior::crashing_after(secs(0)),
            ObstacleKind::CrashLoop,
            "back-off restarting failed container app: exit code 1",
        ),
    ] {
        let world = World::builder().build();
        world.behaves("v2", behavior);
        deploy(&world, Color::Green, "v2", 1).await.unwrap();
        sleep(secs(600)).await;
        let green = world.color(Color::Green);
        assert_eq!((green.ready, green.obstacles.len()), (0, 3));
        assert_eq!((green.obstacles[0].kind, green.obstacles[0].message.as_str()), (kind, message));
        let hopeless = green.obstacles[0].hopeless_at().is_some();
        assert_eq!(hopeless, kind != ObstacleKind::NotReady, "{kind:?}");
        let causes = world.environment().diagnose(Color::Green).await.unwrap().causes;
        assert!(causes[0].contains(message), "{causes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_run_can_be_made_to_misbehave() {
    let world = World::builder().build();
    sleep(secs(60)).await;
    world.behaves("v1", Behavior::crashing_after(ms(500)));
    sleep(ms(499)).await;
    assert_eq!((world.color(Color::Blue).ready, world.color(Color::Blue).restarts), (3, 0));
    sleep(ms(1)).await;
    assert_eq!((world.color(Color::Blue).ready, world.color(Color::Blue).restarts), (0, 3));
    world.behaves("v1", Behavior::healthy());
    sleep(secs(2)).await;
    assert_eq!(world.color(Color::Blue).ready, 3);
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_keeps_a_color_within_its_bounds_and_can_be_pinned() {
    let world = World::builder().autoscaler(Color::Blue, 1, 10).build();
    let environment = world.environment();
    assert!(environment.pin_capacity(Color::Blue, Some(3)).await.unwrap());
    assert!(!environment.pin_capacity(Color::Blue, Some(3)).await.unwrap());
    world.scale(Color::Blue, 1);
    assert_eq!(world.color(Color::Blue).desired, 3);
    assert!(environment.pin_capacity(Color::Blue, None).await.unwrap());
    assert!(!environment.pin_capacity(Color::Blue, None).await.unwrap());
    world.scale(Color::Blue, 1);
    assert_eq!((world.color(Color::Blue).desired, world.color(Color::Blue).autoscaler.unwrap().min), (1, 1));
    assert!(!environment.pin_capacity(Color::Green, Some(3)).await.unwrap());
    let above = environment.pin_capacity(Color::Blue, Some(11)).await;
    assert!(matches!(above, Err(BackendError::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_shrinks_a_color_that_was_idle_for_five_minutes() {
    let world = World::builder().autoscaler(Color::Green, 1, 10).autoscaler(Color::Blue, 1, 10).build();
    sleep(secs(600)).await;
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(299)).await;
    assert_eq!(world.color(Color::Green).ready, 3, "new pods get their time");
    sleep(secs(1)).await;
    assert_eq!((world.color(Color::Green).desired, world.color(Color::Green).ready), (1, 1));
    assert_eq!(world.color(Color::Green).stamp, Some(support::stamp(1)), "an autoscaler leaves no stamp of its own");
    assert_eq!(world.color(Color::Blue).ready, 3, "blue has users");
    assert!(world.story().concat().contains("the autoscaler shrinks green, which is idle, from 3 to 1"));

    world.scale(Color::Green, 0);
    sleep(secs(3600)).await;
    assert_eq!(world.color(Color::Green).desired, 0, "what is off stays off");
    switch(&world, Color::Green, 2).await.unwrap();
    sleep(secs(300)).await;
    assert_eq!(world.color(Color::Blue).ready, 3, "the data plane took its time");
    world.environment().pin_capacity(Color::Blue, Some(3)).await.unwrap();
    sleep(secs(3600)).await;
    assert_eq!(world.color(Color::Blue).ready, 3, "pinned");
    world.environment().pin_capacity(Color::Blue, None).await.unwrap();
    assert_eq!(world.color(Color::Blue).ready, 1, "it has been idle for long enough");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_puts_a_color_back() {
    let world = World::builder().autoscaler(Color::Green, 1, 10).build();
    let environment = world.environment();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    let snapshot = environment.snapshot(Color::Green).await.unwrap();
    environment.pin_capacity(Color::Green, Some(5)).await.unwrap();
    deploy(&world, Color::Green, "v3", 2).await.unwrap();
    environment.restore(&snapshot).await.unwrap();
    let restored = world.color(Color::Green);
    assert_eq!((restored.release, restored.desired), (Some(Release::version("v2")), 3));
    assert_eq!(restored.stamp, Some(support::stamp(2)), "a restore is no stamped write");
    assert_eq!(environment.snapshot(Color::Green).await.unwrap(), snapshot);
    environment.restore(&snapshot).await.unwrap();
    assert_eq!(world.color(Color::Green).version, restored.version, "a second call changes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_scale_down_takes_the_pods_away_and_leaves_a_cleanup_mark() {
    let world = World::builder().build();
    let blue = seal(&world, &world.color(Color::Blue), 1).await.unwrap();
    let until = "2026-02-01T00:00:00Z".parse().unwrap();
    let down = bluegreen_core::Scale {
        expect: &blue,
        fence: Fence::Stamp,
        stamp: &support::stamp(2),
        replicas: 0,
        cleanup_after: Some(until),
    };
    let down = world.environment().scale(down).await.unwrap();
    assert!(down.exists && !down.is_up() && down.endpoints.is_empty());
    assert_eq!(world.cleanup_after(Color::Blue), Some(until));
    scale(&world, Color::Blue, 3, 3).await.unwrap();
    assert_eq!(world.cleanup_after(Color::Blue), None);
    assert_eq!(world.violations().len(), 1, "blue was serving: {:?}", world.violations());
}

#[tokio::test(start_paused = true)]
async fn what_a_person_deployed_is_an_unknown_release() {
    let world = World::builder().made_by_hand().build();
    let blue = world.color(Color::Blue);
    assert_eq!((blue.release, blue.ready), (None, 3));
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    world.redeploy(Color::Green, Release::version("v3"), 2);
    let green = world.color(Color::Green);
    assert_eq!((green.release, green.desired, green.stamp), (None, 2, Some(support::stamp(1))));
    let ours = deploy(&world, Color::Green, "v2", 2).await.unwrap();
    assert_eq!(ours.release, Some(Release::version("v2")));
}
