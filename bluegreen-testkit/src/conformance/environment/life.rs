//! The life of a color: absent, deployed, ready, replaced, scaled down and up again.

use std::collections::BTreeSet;

use bluegreen_core::{ColorObservation, Fence, Scale};
use jiff::Timestamp;

use super::subject::{COLOR, REPLICAS, Subject, Write, send};
use crate::conformance::Checked;
use crate::conformance::check::{ensure, same, until};
use crate::conformance::lever::pull;

/// A color in which nothing was ever deployed is not an error.
pub async fn a_color_that_was_never_deployed_is_absent(subject: &Subject) -> Checked {
    for color in bluegreen_core::Color::ALL {
        let seen = subject.observe(color).await?;
        let absent = ColorObservation { autoscaler: seen.autoscaler, ..ColorObservation::absent(color, &*seen.object) };
        ensure!(!seen.object.is_empty(), "the object of {color} has no name");
        same(format!("{color}, never deployed"), seen, absent)?;
    }
    Ok(())
}

/// A deploy creates the color, and leaves release, replicas and stamp in one write; it returns what it left.
pub async fn a_deploy_makes_the_color_in_one_write(subject: &Subject) -> Checked {
    let absent = subject.observe(COLOR).await?;
    let (stamp, [release, _]) = (subject.stamp(), &subject.releases);
    let deploy = Write::Deploy(release, REPLICAS);
    let returned = send(&*subject.environment, &absent, Fence::Version, &stamp, deploy).await?;
    for (what, seen) in [("returned", &returned), ("read", &subject.observe(COLOR).await?)] {
        ensure!(seen.exists && !seen.version.is_empty(), "{what}: a color that was deployed is there: {seen:#?}");
        same(format!("the color, {what}"), seen.color, COLOR)?;
        same(format!("the object, {what}"), &seen.object, &absent.object)?;
        same(format!("the stamp, {what}"), seen.stamp.as_ref(), Some(&stamp))?;
        same(format!("the release, {what}"), seen.release.as_ref(), Some(release))?;
        same(format!("the replicas asked for, {what}"), seen.desired, REPLICAS)?;
    }
    Ok(())
}

/// A release that was deployed gets ready, and what is told of it fits together at every moment until then.
pub async fn a_deployed_release_gets_ready(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let absent = subject.observe(COLOR).await?;
    subject.write(&absent, Fence::Version, Write::Deploy(release, REPLICAS)).await?;
    let look = async || {
        let seen = subject.observe(COLOR).await?;
        fits_together(&seen).map(|()| seen)
    };
    let wanted = |seen: &ColorObservation| seen.is_ready(release, REPLICAS);
    let seen = until("the release is ready", subject.patience_of_cases(), look, wanted).await?;
    same("the ready replicas", seen.ready, REPLICAS)?;
    same("the endpoints", seen.endpoints.len(), REPLICAS as usize)?;
    same("what runs, once all is settled", &seen.members, &seen.endpoints)?;
    same("what keeps a ready color from being ready", &seen.obstacles, &Vec::new())
}

/// What one observation says in several ways agrees.
fn fits_together(seen: &ColorObservation) -> Checked {
    let identities: BTreeSet<_> = seen.members.iter().map(|endpoint| &endpoint.id).collect();
    same("the ready replicas, against the endpoints", seen.ready as usize, seen.endpoints.len())?;
    ensure!(seen.endpoints.is_subset(&seen.members), "endpoints are among the members: {seen:#?}");
    same("identities of members that differ", identities.len(), seen.members.len())?;
    ensure!(identities.iter().all(|id| !id.is_empty()), "every endpoint has an identity: {seen:#?}");
    Ok(())
}

/// Deploying the release that is there changes nothing but stamp and replicas: what runs goes on running.
pub async fn deploying_what_is_there_keeps_what_runs(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let before = subject.deployed(COLOR, release).await?;
    let stamp = subject.stamp();
    let again = Write::Deploy(release, REPLICAS);
    let returned = send(&*subject.environment, &before, Fence::Stamp, &stamp, again).await?;
    same("the stamp, returned", returned.stamp.as_ref(), Some(&stamp))?;
    let after = subject.ready(COLOR, release, REPLICAS).await?;
    same("what runs, after the same release was deployed again", &after.members, &before.members)?;

    let more = subject.write(&after, Fence::Stamp, Write::Deploy(release, REPLICAS + 1)).await?;
    same("the replicas asked for", more.desired, REPLICAS + 1)?;
    let grown = subject.ready(COLOR, release, REPLICAS + 1).await?;
    ensure!(
        grown.members.is_superset(&before.members),
        "the same release with more replicas keeps those it has: {:?}, before {:?}",
        grown.members,
        before.members
    );
    Ok(())
}

/// Another release replaces everything that runs, and nothing of the earlier one ever counts as ready for it.
pub async fn another_release_replaces_every_endpoint(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let before = subject.deployed(COLOR, first).await?;
    let returned = subject.write(&before, Fence::Stamp, Write::Deploy(second, REPLICAS)).await?;
    let of_the_earlier = |seen: &ColorObservation| {
        let old = seen.release.as_ref() == Some(second) && !seen.endpoints.is_disjoint(&before.endpoints);
        ensure!(!old, "an endpoint of {first} is told as one of {second}: {seen:#?}");
        Ok(())
    };
    of_the_earlier(&returned)?;
    let look = async || {
        let seen = subject.observe(COLOR).await?;
        of_the_earlier(&seen).map(|()| seen)
    };
    let wanted = |seen: &ColorObservation| seen.is_ready(second, REPLICAS);
    let after = until("the other release is ready", subject.patience_of_cases(), look, wanted).await?;
    ensure!(after.members.is_disjoint(&before.members), "nothing of {first} is left: {after:#?}");
    Ok(())
}

/// Scaling to zero takes everything away and keeps the release; scaling up again brings others.
pub async fn a_color_goes_to_zero_and_comes_back(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let before = subject.deployed(COLOR, release).await?;
    let stamp = subject.stamp();
    let returned = send(&*subject.environment, &before, Fence::Stamp, &stamp, Write::Scale(0, None)).await?;
    same("the stamp, returned", returned.stamp.as_ref(), Some(&stamp))?;
    same("the replicas asked for, returned", returned.desired, 0)?;
    let gone = |seen: &ColorObservation| seen.settled && seen.members.is_empty();
    let empty = until("nothing runs", subject.patience_of_cases(), || subject.observe(COLOR), gone).await?;
    ensure!(empty.exists && !empty.is_up() && empty.ready == 0, "a color at zero is there, but not up: {empty:#?}");
    same("the release at zero", empty.release.as_ref(), Some(release))?;
    same("the endpoints at zero", &empty.endpoints, &BTreeSet::new())?;
    same("the stamp at zero", empty.stamp.as_ref(), Some(&stamp))?;

    subject.write(&empty, Fence::Stamp, Write::Scale(REPLICAS, None)).await?;
    let back = subject.ready(COLOR, release, REPLICAS).await?;
    new_identities(&before, &back)
}

fn new_identities(before: &ColorObservation, after: &ColorObservation) -> Checked {
    let old: BTreeSet<_> = before.members.iter().map(|endpoint| &endpoint.id).collect();
    let used_again = after.members.iter().find(|endpoint| old.contains(&endpoint.id));
    ensure!(used_again.is_none(), "an identity is never used again, but {used_again:?} is");
    Ok(())
}

/// A write to one color leaves the other one as it is.
pub async fn a_color_changes_without_the_other(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let other = COLOR.other();
    let before = subject.deployed(other, first).await?;
    let there = subject.deployed(COLOR, second).await?;
    subject.write(&there, Fence::Stamp, Write::Scale(0, None)).await?;
    let after = subject.observe(other).await?;
    same("the stamp of the other color", &after.stamp, &before.stamp)?;
    same("the release of the other color", &after.release, &before.release)?;
    same("what runs in the other color", &after.members, &before.members)
}

/// The version changes with every change.
pub async fn every_change_has_a_new_version(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let deployed = subject.deployed(COLOR, first).await?;
    let sealed = subject.write(&deployed, Fence::Stamp, Write::Seal).await?;
    let scaled = subject.write(&sealed, Fence::Stamp, Write::Scale(REPLICAS + 1, None)).await?;
    let replaced = subject.write(&scaled, Fence::Stamp, Write::Deploy(second, REPLICAS)).await?;
    let again = subject.write(&replaced, Fence::Stamp, Write::Deploy(second, REPLICAS)).await?;
    let versions = [deployed, sealed, scaled, replaced, again].map(|seen| seen.version);
    let different: BTreeSet<_> = versions.iter().collect();
    same(format!("different versions of {versions:?}"), different.len(), versions.len())
}

/// A deploy returns what the write left, and doesn't wait for readiness.
pub async fn a_deploy_does_not_wait_for_readiness(subject: &Subject) -> Checked {
    let Some(release) = &subject.never_ready else { return Ok(()) };
    let absent = subject.observe(COLOR).await?;
    let deploy = subject.write(&absent, Fence::Version, Write::Deploy(release, REPLICAS));
    let Ok(returned) = tokio::time::timeout(subject.patience_of_cases(), deploy).await else {
        return Err(crate::conformance::Failure::new("a deploy of what never gets ready didn't return"));
    };
    same("the ready replicas", returned?.ready, 0)
}

/// What is lost is replaced by something with another identity.
pub async fn what_is_lost_comes_back_under_new_identities(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let before = subject.deployed(COLOR, release).await?;
    pull(subject.loses_pods.as_ref(), COLOR).await?;
    let replaced =
        |seen: &ColorObservation| seen.is_ready(release, REPLICAS) && seen.members.is_disjoint(&before.members);
    let look = || subject.observe(COLOR);
    let after = until("other pods are ready", subject.patience_of_cases(), look, replaced).await?;
    new_identities(&before, &after)
}

/// Scaling sets the time after which a color may be removed, or takes it away, in the same write.
pub async fn scaling_sets_and_clears_when_a_color_may_be_removed(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let mut expect = subject.deployed(COLOR, release).await?;
    let time = Some(Timestamp::constant(1_900_000_000, 0));
    for (replicas, cleanup_after) in [(0, time), (0, None), (0, time), (REPLICAS, None)] {
        let stamp = subject.stamp();
        let scale = Scale { expect: &expect, fence: Fence::Stamp, stamp: &stamp, replicas, cleanup_after };
        expect = subject.environment.scale(scale).await?;
        let read = pull(subject.cleanup_after.as_ref(), COLOR).await?;
        same(format!("when it may be removed, at {replicas} replicas"), read, cleanup_after)?;
    }
    Ok(())
}
