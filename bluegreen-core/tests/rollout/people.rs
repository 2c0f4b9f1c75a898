//! What people do meanwhile: to the rollout, and to the world.

use bluegreen_core::{Color, End, Handle, Release, RequestError, RunError, Split, Stage, Update};
use bluegreen_testkit::{Behavior, World};
use futures_util::StreamExt;

use crate::support::{minutes, plain, records, run};

async fn start(world: &World, version: &str) -> Handle {
    plain(world).build().unwrap().start(Release::version(version)).await.unwrap()
}

/// Waits until the rollout is in `stage`.
async fn until(handle: &mut Handle, stage: Stage) {
    let mut events = handle.events();
    while let Some(update) = events.next().await {
        match update {
            Update::Waiting(waiting) if waiting.stage == stage => return,
            Update::Recorded(record) if record.stage == stage => return,
            _ => {}
        }
    }
    panic!("the rollout ended before {stage}");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_edit_halts_at_every_stage() {
    for stage in [Stage::Ready, Stage::Converge, Stage::Watch] {
        for edit in [
            World::remove_key,
            |world: &World| world.replace_route(Color::Blue),
            |world: &World| {
                let to = world.route().active().unwrap().other();
                world.edit_route(Split::only(to));
            },
        ] {
            let world = World::builder().build();
            let mut handle = start(&world, "v2").await;
            until(&mut handle, stage).await;
            let (blue, green) = (world.color(Color::Blue).desired, world.color(Color::Green).desired);
            edit(&world);
            let route = world.route();
            let outcome = handle.wait().await.unwrap();
            assert!(outcome.is_halted(), "in {stage}: {}", outcome.report());
            assert_eq!(world.route(), route, "in {stage}: a foreign edit was overwritten");
            assert_eq!((world.color(Color::Blue).desired, world.color(Color::Green).desired), (blue, green));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_foreign_edit_the_next_rollout_takes_it_for_the_truth() {
    let world = World::builder().build();
    let _ = run(plain(&world), "v2").await;
    world.replace_route(Color::Green);
    let outcome = run(plain(&world), "v3").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Blue));
}

#[tokio::test(start_paused = true)]
async fn an_abort_before_the_switch_leaves_the_old_release() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Ready).await;
    handle.abort("changed my mind").await.unwrap();
    let outcome = handle.wait().await.unwrap();
    assert!(outcome.is_aborted(), "{}", outcome.report());
    assert_eq!((world.route().active(), world.color(Color::Green).desired), (Some(Color::Blue), 0));
}

#[tokio::test(start_paused = true)]
async fn an_abort_after_the_switch_is_a_rollback_and_ignores_a_pause() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Watch).await;
    handle.pause().await.unwrap();
    handle.abort("something smells").await.unwrap();
    let again = handle.abort("really").await;
    assert!(matches!(again, Err(RequestError::TurnsBack { .. })), "{again:?}");
    let outcome = handle.wait().await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!((world.route().active(), world.requests().lost), (Some(Color::Blue), 0));
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_forward_steps_only() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Watch).await;
    handle.pause().await.unwrap();
    tokio::time::sleep(minutes(30)).await;
    assert_eq!(world.color(Color::Blue).desired, 3, "nothing is retired while it is paused");
    handle.resume().await.unwrap();
    assert!(handle.wait().await.unwrap().is_promoted());

    world.behaves("v3", Behavior::unready_after(minutes(1)));
    let mut handle = start(&world, "v3").await;
    until(&mut handle, Stage::Watch).await;
    handle.pause().await.unwrap();
    assert!(handle.wait().await.unwrap().is_rolled_back(), "a rollback doesn't wait for a pause to end");
}

#[tokio::test(start_paused = true)]
async fn the_guard_tells_and_nothing_is_promoted_without_it() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Watch).await;
    world.scale(Color::Blue, 1);
    let outcome = handle.wait().await.unwrap();
    assert!(outcome.is_halted(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Green));
    let lost =
        records(&world).await.iter().any(|record| format!("{:?}", record.event).contains("Guard { holds: false"));
    assert!(lost);
}

#[tokio::test(start_paused = true)]
async fn an_old_color_that_was_scaled_down_is_restored_for_a_rollback() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Watch).await;
    world.scale(Color::Blue, 0);
    handle.roll_back("bad news").await.unwrap();
    let outcome = handle.wait().await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!((world.route().active(), world.color(Color::Blue).ready), (Some(Color::Blue), 3));
    assert_eq!(world.requests().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn when_the_old_color_is_gone_the_new_one_is_left_alone() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Watch).await;
    world.delete(Color::Blue);
    handle.roll_back("bad news").await.unwrap();
    let outcome = handle.wait().await.unwrap();
    let Some(End::Halted { reason, .. }) = &outcome.report().end else { panic!("{}", outcome.report()) };
    assert!(reason.contains("is gone"), "{reason}");
    assert_eq!((world.route().active(), world.color(Color::Green).ready), (Some(Color::Green), 3));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_hours_later_restores_the_retired_color_first() {
    let world = World::builder().build();
    let _ = run(plain(&world), "v2").await;
    tokio::time::sleep(minutes(300)).await;
    assert_eq!(world.color(Color::Blue).desired, 0);
    let rollout = plain(&world).build().unwrap();
    let outcome = rollout.roll_back("customers complain").await.unwrap().wait().await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!((world.route().active(), world.color(Color::Blue).ready), (Some(Color::Blue), 3));
    assert_eq!((world.color(Color::Green).desired, world.requests().lost), (0, 0));
    assert_eq!(world.violations(), Vec::<String>::new());
    // What failed is not something to go back to.
    let again = rollout.roll_back("again").await;
    assert!(matches!(again, Err(RunError::NothingToRollBackTo { .. })), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn another_program_takes_a_running_rollout_back() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Watch).await;
    let other = plain(&world).journal(bluegreen_core::MemoryJournal::new()).build().unwrap();
    let outcome = other.roll_back("from elsewhere").await.unwrap().wait().await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    let first = handle.wait().await.unwrap();
    assert!(first.is_superseded(), "{}", first.report());
    assert_eq!((world.route().active(), world.requests().lost), (Some(Color::Blue), 0));
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_held_is_held() {
    let world = World::builder().build();
    let mut handle = start(&world, "v2").await;
    until(&mut handle, Stage::Ready).await;
    let other = plain(&world).journal(bluegreen_core::MemoryJournal::new()).build().unwrap();
    let held = other.start(Release::version("v9")).await;
    assert!(matches!(held, Err(RunError::Held { .. })), "{held:?}");
    let early = other.roll_back("too early").await;
    assert!(matches!(early, Err(RunError::NothingToRollBackTo { .. })), "{early:?}");
    let same_journal = plain(&world).build().unwrap().start(Release::version("v9")).await;
    assert!(matches!(same_journal, Err(RunError::Open { .. })), "{same_journal:?}");
    assert!(handle.wait().await.unwrap().is_promoted());
}
