//! Every write tests what it expects and leaves its stamp, in one atomic step.

use bluegreen_core::{BackendError, ColorObservation, Fence};

use super::subject::{COLOR, REPLICAS, Subject, Write, send};
use crate::conformance::Checked;
use crate::conformance::check::{conflict, dropped_after, ensure, one_wins, refused, same};
use crate::conformance::lever::pull;

/// Fails unless a write that was refused left the color as it was.
async fn unchanged(subject: &Subject, what: &str, before: &ColorObservation) -> Checked {
    let after = subject.observe(before.color).await?;
    same(format!("whether it exists, after {what}"), after.exists, before.exists)?;
    same(format!("the stamp, after {what}"), &after.stamp, &before.stamp)?;
    same(format!("the release, after {what}"), &after.release, &before.release)?;
    same(format!("the replicas asked for, after {what}"), after.desired, before.desired)
}

/// The writes that hurt most when they land late, and how each is called.
fn writes(subject: &Subject) -> [(&'static str, Write<'_>); 4] {
    let [_, second] = &subject.releases;
    [
        ("a deploy of another release", Write::Deploy(second, REPLICAS)),
        ("a scale to zero", Write::Scale(0, None)),
        ("a scale up", Write::Scale(REPLICAS + 1, None)),
        ("a seal", Write::Seal),
    ]
}

/// A color that doesn't exist is created, and it is a conflict if it does by then.
pub async fn who_creates_what_exists_by_now_meets_a_conflict(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let absent = subject.observe(COLOR).await?;
    let there = subject.write(&absent, Fence::Version, Write::Deploy(first, REPLICAS)).await?;
    for fence in [Fence::Version, Fence::Stamp] {
        let result = subject.write(&absent, fence, Write::Deploy(second, REPLICAS + 1)).await;
        conflict("a creation of what exists", result)?;
    }
    unchanged(subject, "a creation of what exists", &there).await
}

/// Of two creations at once exactly one wins.
pub async fn one_of_two_creations_at_once_wins(subject: &Subject) -> Checked {
    let absent = subject.observe(COLOR).await?;
    race(subject, &absent, Fence::Version, |release| Write::Deploy(release, REPLICAS)).await
}

/// Of two deploys that expect the same exactly one wins.
pub async fn one_of_two_deploys_at_once_wins(subject: &Subject) -> Checked {
    let there = subject.deployed(COLOR, &subject.releases[0]).await?;
    race(subject, &there, Fence::Stamp, |release| Write::Deploy(release, REPLICAS)).await
}

/// Of two scales that expect the same exactly one wins.
pub async fn one_of_two_scales_at_once_wins(subject: &Subject) -> Checked {
    let there = subject.deployed(COLOR, &subject.releases[0]).await?;
    let [first, _] = &subject.releases;
    let replicas = |release| if release == first { 0 } else { REPLICAS + 1 };
    race(subject, &there, Fence::Stamp, |release| Write::Scale(replicas(release), None)).await
}

/// Two processes send a write that expects the same; what is there afterwards is what the winner left.
async fn race<'a>(
    subject: &'a Subject,
    expect: &ColorObservation,
    fence: Fence,
    write: impl Fn(&'a bluegreen_core::Release) -> Write<'a>,
) -> Checked {
    let stamps = [subject.stamp(), subject.stamp()];
    let [first, second] = &subject.releases;
    let (one, two) = tokio::join!(
        send(&*subject.environment, expect, fence, &stamps[0], write(first)),
        send(subject.another(), expect, fence, &stamps[1], write(second)),
    );
    let (won, first_won) = one_wins("two writes that expect the same", one, two)?;
    let (stamp, release) = if first_won { (&stamps[0], first) } else { (&stamps[1], second) };
    let after = subject.observe(COLOR).await?;
    same("the stamp, against the winner's", after.stamp.as_ref(), Some(stamp))?;
    same("the release, against the winner's", &after.release, &won.release)?;
    same("the replicas asked for, against the winner's", after.desired, won.desired)?;
    if let Write::Deploy(..) = write(first) {
        same("the release that won", won.release.as_ref(), Some(release))?;
    }
    Ok(())
}

/// Another stamp than the one that was read is a conflict for every write, and nothing is changed.
pub async fn an_older_stamp_is_a_conflict(subject: &Subject) -> Checked {
    let old = subject.deployed(COLOR, &subject.releases[0]).await?;
    let sealed = subject.write(&old, Fence::Stamp, Write::Seal).await?;
    for (what, write) in writes(subject) {
        conflict(what, subject.write(&old, Fence::Stamp, write).await)?;
        unchanged(subject, what, &sealed).await?;
    }
    // The stamp that is there is enough, whatever else was changed since it was read.
    subject.write(&sealed, Fence::Stamp, Write::Scale(REPLICAS, None)).await?;
    Ok(())
}

/// Another version than the one that was read is a conflict for every write, and nothing is changed.
pub async fn an_older_version_is_a_conflict(subject: &Subject) -> Checked {
    let old = subject.deployed(COLOR, &subject.releases[0]).await?;
    let sealed = subject.write(&old, Fence::Stamp, Write::Seal).await?;
    for (what, write) in writes(subject) {
        conflict(what, subject.write(&old, Fence::Version, write).await)?;
        unchanged(subject, what, &sealed).await?;
    }
    Ok(())
}

/// A seal changes nothing but the stamp.
pub async fn a_seal_changes_nothing_but_the_stamp(subject: &Subject) -> Checked {
    let before = subject.deployed(COLOR, &subject.releases[0]).await?;
    let stamp = subject.stamp();
    let returned = send(&*subject.environment, &before, Fence::Stamp, &stamp, Write::Seal).await?;
    let sealed = |seen: &ColorObservation| ColorObservation {
        stamp: Some(stamp.clone()),
        version: seen.version.clone(),
        settled: seen.settled,
        ..before.clone()
    };
    same("what a seal left, returned", &returned, &sealed(&returned))?;
    let after = subject.observe(COLOR).await?;
    same("what a seal left, read", &after, &sealed(&after))?;
    ensure!(returned.version != before.version, "a seal is a change: the version is still {}", before.version);
    Ok(())
}

/// A write that is to test a stamp, made by someone who read none, never lands.
pub async fn a_stamp_that_was_not_read_can_not_be_tested(subject: &Subject) -> Checked {
    let there = subject.deployed(COLOR, &subject.releases[0]).await?;
    let unstamped = ColorObservation { stamp: None, ..there.clone() };
    for (what, write) in writes(subject) {
        let what = format!("{what} without a stamp to test");
        refused(&what, subject.write(&unstamped, Fence::Stamp, write).await)?;
        unchanged(subject, &what, &there).await?;
    }
    Ok(())
}

/// Only a deploy makes a color.
pub async fn what_is_not_there_is_neither_scaled_nor_sealed(subject: &Subject) -> Checked {
    let absent = subject.observe(COLOR).await?;
    for (what, write) in [("a scale", Write::Scale(1, None)), ("a seal", Write::Seal)] {
        let what = format!("{what} of what isn't there");
        refused(&what, subject.write(&absent, Fence::Version, write).await)?;
        unchanged(subject, &what, &absent).await?;
    }
    Ok(())
}

/// A write that is dropped, wherever it was, leaves the color as it was or as the write wanted it. It may still land later,
/// but whole.
pub async fn a_dropped_write_is_done_whole_or_not_at_all(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let kept = |seen: &ColorObservation| (seen.stamp.clone(), seen.release.clone(), seen.desired);
    let mut before = subject.deployed(COLOR, first).await?;
    let mut whole = vec![kept(&before)];
    for (waits, release) in (0..6).zip([second, first].into_iter().cycle()) {
        let (stamp, replicas) = (subject.stamp(), waits % REPLICAS + 1);
        let deploy = Write::Deploy(release, replicas);
        let write = send(&*subject.environment, &before, Fence::Stamp, &stamp, deploy);
        let _ = dropped_after(waits as usize, write).await;
        whole.push((Some(stamp.clone()), Some(release.clone()), replicas));
        before = subject.observe(COLOR).await?;
        let is = kept(&before);
        ensure!(whole.contains(&is), "after a drop at wait {waits}, {is:?} is none of what was written: {whole:#?}");
    }
    Ok(())
}

/// A color that is gone is not what a write expected.
pub async fn a_deleted_color_is_a_conflict(subject: &Subject) -> Checked {
    let there = subject.deployed(COLOR, &subject.releases[0]).await?;
    pull(subject.deletes.as_ref(), COLOR).await?;
    for (what, write) in writes(subject) {
        conflict(format!("{what}, when the color is gone"), subject.write(&there, Fence::Stamp, write).await)?;
        ensure!(!subject.observe(COLOR).await?.exists, "{what} made a color again that somebody deleted");
    }
    Ok(())
}

/// A release that somebody else put there isn't told as ours, and a write that tests the version meets a conflict.
pub async fn a_foreign_edit_is_told_and_moves_the_version(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let ours = subject.deployed(COLOR, first).await?;
    pull(subject.edits.as_ref(), COLOR).await?;
    let edited = subject.observe(COLOR).await?;
    same("the release, after somebody else changed it", &edited.release, &None)?;
    same("the stamp, after somebody else changed the release", &edited.stamp, &ours.stamp)?;
    conflict(
        "a deploy over a foreign edit",
        subject.write(&ours, Fence::Version, Write::Deploy(second, REPLICAS)).await,
    )?;
    same("the release, after a conflict", &subject.observe(COLOR).await?.release, &None)
}

/// A color whose objects others changed is not taken over unless the backend was told to.
pub async fn a_foreign_color_is_not_taken_over(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    subject.deployed(COLOR, first).await?;
    pull(subject.edits.as_ref(), COLOR).await?;
    let edited = subject.observe(COLOR).await?;
    let result = subject.write(&edited, Fence::Stamp, Write::Deploy(second, REPLICAS)).await;
    ensure!(
        matches!(result, Err(BackendError::Unusable { .. })),
        "a deploy to a color that isn't ours is unusable, but it came to {result:?}"
    );
    unchanged(subject, "a deploy to a color that isn't ours", &edited).await
}

/// A backend that was told to take over what others changed does so, and it is its own from then on.
pub async fn a_foreign_color_is_taken_over_if_told_to(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    subject.deployed(COLOR, first).await?;
    pull(subject.edits.as_ref(), COLOR).await?;
    let edited = subject.observe(COLOR).await?;
    let adopted = subject.write(&edited, Fence::Stamp, Write::Deploy(second, REPLICAS)).await?;
    same("the release, after it was taken over", adopted.release.as_ref(), Some(second))?;
    subject.write(&adopted, Fence::Stamp, Write::Deploy(first, REPLICAS)).await?;
    subject.ready(COLOR, first, REPLICAS).await?;
    Ok(())
}
