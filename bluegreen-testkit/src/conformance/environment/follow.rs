//! Reading, watching and diagnosing.

use bluegreen_core::{Color, ColorObservation, Fence};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::timeout;

use super::subject::{COLOR, REPLICAS, Subject, Write, send};
use crate::conformance::check::{ensure, same, until};
use crate::conformance::lever::pull;
use crate::conformance::{Checked, Failure};

type Watch = BoxStream<'static, Result<ColorObservation, bluegreen_core::BackendError>>;

/// Reads a watch until it tells what is wanted.
async fn told(
    subject: &Subject,
    watch: &mut Watch,
    what: &str,
    wanted: impl Fn(&ColorObservation) -> bool + Send + Sync,
) -> Result<ColorObservation, Failure> {
    let mut last = None;
    let read = async {
        loop {
            match watch.next().await {
                Some(Ok(seen)) if wanted(&seen) => return Ok(seen),
                // A broken watch says so, and goes on.
                Some(told) => last = Some(told),
                None => return Err(Failure::new(format!("a watch has no end, but it ended before {what}"))),
            }
        }
    };
    match timeout(subject.patience_of_cases(), read).await {
        Ok(told) => told,
        Err(_) => Err(Failure::new(format!("the watch never told that {what}; what it told last: {last:#?}"))),
    }
}

/// Reading and diagnosing change nothing, however often.
pub async fn reading_changes_nothing(subject: &Subject) -> Checked {
    subject.deployed(COLOR, &subject.releases[0]).await?;
    let before = subject.quiet(COLOR).await?;
    for color in Color::ALL {
        subject.observe(color).await?;
        subject.environment.diagnose(color).await?;
    }
    same("the color, read again", subject.quiet(COLOR).await?, before)?;
    ensure!(!subject.observe(COLOR.other()).await?.exists, "reading made a color");
    Ok(())
}

/// A color is read from the system itself: what another process wrote is there at once.
pub async fn a_write_of_another_process_is_read_at_once(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let mut expect = subject.deployed(COLOR, first).await?;
    for (release, replicas) in [(second, REPLICAS + 1), (first, REPLICAS), (second, REPLICAS)] {
        let stamp = subject.stamp();
        let deploy = Write::Deploy(release, replicas);
        send(subject.another(), &expect, Fence::Stamp, &stamp, deploy).await?;
        expect = subject.observe(COLOR).await?;
        same("the stamp that another process left", expect.stamp.as_ref(), Some(&stamp))?;
        same("the release that another process deployed", expect.release.as_ref(), Some(release))?;
        same("the replicas that another process asked for", expect.desired, replicas)?;
    }
    Ok(())
}

/// A watch begins with the present state.
pub async fn a_watch_begins_with_the_present(subject: &Subject) -> Checked {
    let present = subject.deployed(COLOR, &subject.releases[0]).await?;
    let mut watch = subject.environment.watch(COLOR);
    let Ok(Some(first)) = timeout(subject.patience_of_cases(), watch.next()).await else {
        return Err(Failure::new("a watch tells the present state, but this one told nothing"));
    };
    let first = first?;
    same("the stamp that is told first", &first.stamp, &present.stamp)?;
    same("the release that is told first", &first.release, &present.release)?;
    same("the endpoints that are told first", &first.endpoints, &present.endpoints)?;
    let mut absent = subject.environment.watch(COLOR.other());
    told(subject, &mut absent, "the other color is absent", |seen| !seen.exists).await?;
    Ok(())
}

/// A watch tells each change, without end: a deploy, readiness, a scale.
pub async fn a_watch_tells_what_changes(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let mut watch = subject.environment.watch(COLOR);
    let absent = told(subject, &mut watch, "nothing is there", |seen| !seen.exists).await?;
    let deployed = subject.write(&absent, Fence::Version, Write::Deploy(release, REPLICAS)).await?;
    told(subject, &mut watch, "it was deployed", |seen| seen.stamp == deployed.stamp).await?;
    told(subject, &mut watch, "it is ready", |seen| seen.is_ready(release, REPLICAS)).await?;
    let scaled = subject.write(&deployed, Fence::Stamp, Write::Scale(0, None)).await?;
    let empty = |seen: &ColorObservation| seen.stamp == scaled.stamp && seen.settled && seen.members.is_empty();
    told(subject, &mut watch, "it is empty", empty).await?;
    Ok(())
}

/// A watch tells that what ran is lost.
pub async fn a_watch_tells_what_is_lost(subject: &Subject) -> Checked {
    let [release, _] = &subject.releases;
    let before = subject.deployed(COLOR, release).await?;
    let mut watch = subject.environment.watch(COLOR);
    told(subject, &mut watch, "it is ready", |seen| seen.endpoints == before.endpoints).await?;
    pull(subject.loses_pods.as_ref(), COLOR).await?;
    let lost = |seen: &ColorObservation| seen.endpoints.is_disjoint(&before.endpoints);
    told(subject, &mut watch, "what ran is lost", lost).await?;
    Ok(())
}

/// What never gets ready says why, as an obstacle and in the diagnosis, and never counts as ready.
pub async fn what_never_gets_ready_says_why(subject: &Subject) -> Checked {
    let Some(release) = &subject.never_ready else { return Ok(()) };
    let absent = subject.observe(COLOR).await?;
    subject.write(&absent, Fence::Version, Write::Deploy(release, REPLICAS)).await?;
    let look = async || {
        let seen = subject.observe(COLOR).await?;
        ensure!(!seen.is_ready(release, 1) && seen.endpoints.is_empty(), "what never gets ready is told as: {seen:#?}");
        Ok(seen)
    };
    let obstructed = |seen: &ColorObservation| !seen.obstacles.is_empty();
    let seen = until("something is in the way", subject.patience_of_cases(), look, obstructed).await?;
    for obstacle in &seen.obstacles {
        ensure!(!obstacle.object.is_empty(), "an obstacle says where it was seen: {obstacle:?}");
        ensure!(!obstacle.message.is_empty(), "an obstacle says what it is: {obstacle:?}");
    }
    let diagnose = async || Ok(subject.environment.diagnose(COLOR).await?);
    let named = |found: &bluegreen_core::Diagnosis| found.causes.iter().any(|cause| !cause.is_empty());
    until("the diagnosis names a cause", subject.patience_of_cases(), diagnose, named).await?;
    Ok(())
}
