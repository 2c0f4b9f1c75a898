//! Every write tests what it expects, in one atomic step.

use bluegreen_core::{Color, Fence, RouteMark, RouteObject, RouteObservation, RouteState, Split};

use super::subject::{Subject, send};
use crate::conformance::Checked;
use crate::conformance::check::{conflict, dropped_after, ensure, one_wins, refused, same};
use crate::conformance::lever::pull;

const BLUE: Split = Split::only(Color::Blue);
const GREEN: Split = Split::only(Color::Green);

/// Another stamp than the one that was read is a conflict, for a switch and for a write of the mark alone.
pub async fn an_older_stamp_is_a_conflict(subject: &Subject) -> Checked {
    subject.raise().await?;
    let old = subject.object().await?;
    let sealed = subject.write(&old, BLUE).await?;
    for to in [GREEN, BLUE] {
        let late = send(&*subject.router, &old, Fence::Stamp, to, &subject.mark(to)).await;
        conflict(format!("a write to {to} with an older stamp"), late)?;
        same("the object, after a conflict", &subject.object().await?, &sealed)?;
    }
    Ok(())
}

/// Another version than the one that was read is a conflict, for a switch and for a raise.
pub async fn an_older_version_is_a_conflict(subject: &Subject) -> Checked {
    let old = subject.object().await?;
    let raised = subject.write(&old, BLUE).await?;
    for to in [GREEN, BLUE] {
        let late = send(&*subject.router, &old, Fence::Version, to, &subject.mark(to)).await;
        conflict(format!("a write to {to} with an older version"), late)?;
        same("the object, after a conflict", &subject.object().await?, &raised)?;
    }
    Ok(())
}

/// A write that is to test a stamp, made by someone who read none, never lands.
pub async fn a_stamp_that_was_not_read_can_not_be_tested(subject: &Subject) -> Checked {
    for _ in 0..2 {
        let there = subject.object().await?;
        let unmarked = RouteObject { mark: None, ..there.clone() };
        let result = send(&*subject.router, &unmarked, Fence::Stamp, GREEN, &subject.mark(GREEN)).await;
        refused("a write without a stamp to test", result)?;
        same("the object, after it was refused", &subject.object().await?, &there)?;
        subject.raise().await?;
    }
    Ok(())
}

/// Of two who raise on the same route at once exactly one wins.
pub async fn one_of_two_raises_at_once_wins(subject: &Subject) -> Checked {
    let expect = subject.object().await?;
    race(subject, &expect, Fence::Version, BLUE).await
}

/// Of two switches that expect the same exactly one wins.
pub async fn one_of_two_switches_at_once_wins(subject: &Subject) -> Checked {
    subject.raise().await?;
    let expect = subject.object().await?;
    race(subject, &expect, Fence::Stamp, GREEN).await
}

/// Two processes send a write that expects the same, the second one without moving traffic.
async fn race(subject: &Subject, expect: &RouteObject, fence: Fence, to: Split) -> Checked {
    let marks = [subject.mark(to), subject.mark(BLUE)];
    let (one, two) = tokio::join!(
        send(&*subject.router, expect, fence, to, &marks[0]),
        send(subject.another(), expect, fence, BLUE, &marks[1]),
    );
    let (won, first_won) = one_wins("two writes that expect the same", one, two)?;
    let mark = if first_won { &marks[0] } else { &marks[1] };
    same("the winner's mark", won.mark.as_ref(), Some(mark))?;
    same("the object, against what the winner left", &subject.object().await?, &won)
}

/// A write that is dropped, wherever it was, leaves the object as it was or as the write wanted it. It may still land
/// later, but whole.
pub async fn a_dropped_write_is_done_whole_or_not_at_all(subject: &Subject) -> Checked {
    let kept = |object: &RouteObject| (object.state.clone(), object.mark.clone());
    subject.raise().await?;
    let mut before = subject.object().await?;
    let mut whole = vec![kept(&before)];
    for (waits, to) in (0..6).zip([GREEN, BLUE].into_iter().cycle()) {
        let mark = subject.mark(to);
        let _ = dropped_after(waits, send(&*subject.router, &before, Fence::Stamp, to, &mark)).await;
        whole.push((RouteState::Routes(to), Some(mark)));
        before = subject.object().await?;
        let is = kept(&before);
        ensure!(whole.contains(&is), "after a drop at wait {waits}, {is:?} is none of what was written: {whole:#?}");
    }
    Ok(())
}

/// Somebody else's edit is told as such, and a write that expects what was there before is a conflict, even though the
/// stamp is still there.
pub async fn a_foreign_edit_is_told_and_never_overwritten(subject: &Subject) -> Checked {
    subject.raise().await?;
    subject.shift(GREEN).await?;
    let ours = subject.route().await?;
    pull(subject.edits.as_ref(), Color::Blue).await?;
    let edited = subject.route().await?;
    same("the split, after somebody changed it", edited.split, Some(BLUE))?;
    for (before, after) in ours.objects.iter().zip(&edited.objects) {
        ensure!(after.is_foreign(), "somebody changed {}, but it isn't told: {after:?}", after.name);
        same("our mark, after somebody changed the route", &after.mark, &before.mark)?;
        ensure!(after.version != before.version, "somebody changed {}, but not its version", after.name);
        for fence in [Fence::Stamp, Fence::Version] {
            let over = send(&*subject.router, before, fence, GREEN, &subject.mark(GREEN)).await;
            conflict("a write over a foreign edit", over)?;
        }
    }
    same("the route, after conflicts", subject.route().await?, edited)
}

/// The whole routing state is tested: an edit while a write is on its way is never overwritten, not even by a write
/// that leads to where the object led when it was read.
pub async fn an_edit_between_two_writes_is_a_conflict(subject: &Subject) -> Checked {
    subject.raise().await?;
    let read = subject.object().await?;
    pull(subject.edits.as_ref(), Color::Green).await?;
    for to in [BLUE, GREEN] {
        let late = send(&*subject.router, &read, Fence::Stamp, to, &subject.mark(to)).await;
        conflict(format!("a write to {to} over a foreign edit"), late)?;
    }
    same("the split, as somebody set it", subject.route().await?.split, Some(GREEN))
}

/// A route that leads somewhere unknown is told in words, counts as leading to both colors, and has no steps.
pub async fn a_foreign_state_is_told_and_has_no_steps(subject: &Subject) -> Checked {
    subject.raise().await?;
    let ours = subject.object().await?;
    pull(subject.obscures.as_ref(), ()).await?;
    let route: RouteObservation = subject.route().await?;
    let object = subject.object().await?;
    ensure!(
        matches!(&object.state, RouteState::Foreign(words) if !words.is_empty()),
        "a routing state that isn't ours is told as foreign, in words: {:?}",
        object.state
    );
    ensure!(object.is_foreign(), "somebody else changed it: {object:?}");
    same("the split of a route that leads somewhere unknown", route.split, None)?;
    for color in Color::ALL {
        ensure!(route.references(color), "a foreign state might lead to {color}");
    }
    let steps = subject.router.steps(&route, GREEN);
    ensure!(steps.iter().all(|step| step.object != object.name), "a foreign state has no step: {steps:?}");
    let mark: RouteMark = subject.mark(GREEN);
    conflict("a write over it", send(&*subject.router, &ours, Fence::Stamp, GREEN, &mark).await)?;
    same("the object, after a conflict", &subject.object().await?, &object)
}
