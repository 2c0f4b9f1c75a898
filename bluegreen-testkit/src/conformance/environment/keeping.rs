//! Describing, snapshots and autoscalers.

use bluegreen_core::{BackendError, Color, Fence};

use super::subject::{COLOR, REPLICAS, Subject, Write};
use crate::conformance::check::{ensure, same};
use crate::conformance::{Checked, Failure};

/// Description and capabilities are the same every time, also from another process with the same settings.
pub async fn it_describes_itself_the_same_way_every_time(subject: &Subject) -> Checked {
    let (description, can) = (subject.environment.describe(), subject.can());
    ensure!(!description.kind.is_empty(), "a backend says what it is");
    subject.deployed(COLOR, &subject.releases[0]).await?;
    for again in [&*subject.environment, subject.another()] {
        same("the description, asked again", &again.describe(), &description)?;
        same("the capabilities, asked again", again.capabilities(), can)?;
    }
    Ok(())
}

/// A snapshot is put back exactly; a second time changes nothing.
pub async fn a_snapshot_is_restored_exactly(subject: &Subject) -> Checked {
    let [first, second] = &subject.releases;
    let before = subject.deployed(COLOR, first).await?;
    let snapshot = subject.environment.snapshot(COLOR).await?;
    same("the color of the snapshot", snapshot.color, COLOR)?;
    ensure!(!snapshot.objects.is_empty(), "a snapshot of what is there is not empty");

    let deployed = subject.write(&before, Fence::Stamp, Write::Deploy(second, REPLICAS + 1)).await?;
    ensure!(subject.environment.snapshot(COLOR).await? != snapshot, "a snapshot differs once its color does");
    subject.environment.restore(&snapshot).await?;
    same("the snapshot, after it was restored", &subject.environment.snapshot(COLOR).await?, &snapshot)?;
    ensure!(deployed.release.as_ref() == Some(second), "the deploy in between left {:?}", deployed.release);
    subject.ready(COLOR, first, REPLICAS).await?;
    let restored = subject.quiet(COLOR).await?;

    subject.environment.restore(&snapshot).await?;
    same("the color, after the snapshot was restored again", subject.quiet(COLOR).await?, restored)
}

/// A backend without snapshots says that it can't.
pub async fn snapshots_that_do_not_work_say_so(subject: &Subject) -> Checked {
    subject.deployed(COLOR, &subject.releases[0]).await?;
    let result = subject.environment.snapshot(COLOR).await;
    ensure!(
        matches!(result, Err(BackendError::Unsupported { .. })),
        "a backend whose capabilities have no snapshots says that it can't, but it came to {result:?}"
    );
    Ok(())
}

async fn minimum(subject: &Subject, color: Color) -> Result<u32, Failure> {
    let autoscaler = subject.observe(color).await?.autoscaler;
    autoscaler
        .map(|autoscaler| autoscaler.min)
        .ok_or_else(|| Failure::new(format!("the autoscaler of {color} isn't told")))
}

/// An autoscaler's minimum is raised with one write, stays raised, and is given back as it was before the first pin.
pub async fn an_autoscaler_is_pinned_once_and_given_back(subject: &Subject) -> Checked {
    let Some(color) = subject.autoscaled else { return Ok(()) };
    subject.deployed(color, &subject.releases[0]).await?;
    let before = minimum(subject, color).await?;
    for (pin, written, expected) in [
        (Some(2), true, 2),
        (Some(2), false, 2),
        (Some(3), true, 3),
        (Some(3), false, 3),
        (None, true, before),
        (None, false, before),
    ] {
        let wrote = subject.environment.pin_capacity(color, pin).await?;
        same(format!("whether a pin to {pin:?} wrote anything"), wrote, written)?;
        same(format!("the minimum, after a pin to {pin:?}"), minimum(subject, color).await?, expected)?;
    }
    Ok(())
}

/// A color without an autoscaler has nothing to pin, and that is no error.
pub async fn there_is_nothing_to_pin_without_an_autoscaler(subject: &Subject) -> Checked {
    let Some(color) = subject.autoscaled.map(Color::other) else { return Ok(()) };
    subject.deployed(color, &subject.releases[0]).await?;
    let before = subject.quiet(color).await?;
    same("the autoscaler of a color that has none", &before.autoscaler, &None)?;
    for pin in [Some(REPLICAS + 1), None] {
        same("whether anything was written", subject.environment.pin_capacity(color, pin).await?, false)?;
    }
    same("the color, after there was nothing to pin", subject.quiet(color).await?, before)
}
