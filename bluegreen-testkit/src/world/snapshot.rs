//! Copies of a color's objects.

use bluegreen_core::{Autoscaler, BackendError, Release, Snapshot, SnapshotObject};
use serde_json::json;

use super::slot::Slot;
use super::state::State;

/// Copies what is in `slot`: the object that asks for pods, and its autoscaler.
pub(crate) fn take(slot: &Slot) -> Snapshot {
    let deployment = slot.deployment.as_ref().map(|deployment| SnapshotObject {
        name: slot.object.clone(),
        content: json!({ "release": deployment.release, "replicas": deployment.desired }),
    });
    let autoscaler = slot.autoscaler.map(|autoscaler| SnapshotObject {
        name: autoscaler_of(slot),
        content: json!({ "min": slot.unpinned.unwrap_or(autoscaler.min), "max": autoscaler.max }),
    });
    Snapshot { color: slot.color, objects: deployment.into_iter().chain(autoscaler).collect() }
}

/// Puts back what is in `snapshot`; keeps the stamp that is there.
pub(crate) fn restore(state: &mut State, snapshot: &Snapshot) -> Result<(), BackendError> {
    let color = snapshot.color;
    if take(state.slot(color)) == *snapshot {
        return Ok(());
    }
    let autoscaler_name = autoscaler_of(state.slot(color));
    let (mut autoscaler, mut deployment) = (None, None);
    for object in &snapshot.objects {
        if object.name == autoscaler_name {
            autoscaler = Some(read_autoscaler(object).ok_or_else(|| unusable(object))?);
        } else {
            deployment = Some(read_deployment(object).ok_or_else(|| unusable(object))?);
        }
    }
    // First the bounds, so that they don't change the replicas.
    if let Some(autoscaler) = autoscaler {
        let slot = state.slots.get_mut(color);
        slot.autoscaler = Some(autoscaler);
        slot.unpinned = None;
    }
    if let Some((release, replicas)) = deployment {
        let hurts = (state.slot(color).deployment.as_ref())
            .is_some_and(|deployment| deployment.release != release || deployment.desired > replicas);
        if hurts {
            state.check_spared(color, &format!("{release} was restored with {replicas} replicas"));
        }
        state.set_color(color, release, replicas);
    }
    Ok(())
}

fn read_deployment(object: &SnapshotObject) -> Option<(Release, u32)> {
    let release = serde_json::from_value(object.content.get("release")?.clone()).ok()?;
    Some((release, number(object, "replicas")?))
}

fn read_autoscaler(object: &SnapshotObject) -> Option<Autoscaler> {
    let (min, max) = (number(object, "min")?, number(object, "max")?);
    Some(Autoscaler { min, max })
}

fn autoscaler_of(slot: &Slot) -> String {
    slot.object.replacen("Deployment/", "HorizontalPodAutoscaler/", 1)
}

fn number(object: &SnapshotObject, name: &str) -> Option<u32> {
    object.content.get(name)?.as_u64()?.try_into().ok()
}

fn unusable(object: &SnapshotObject) -> BackendError {
    BackendError::Unusable {
        object: object.name.clone(),
        message: "this is not a snapshot that was taken from a world".to_owned(),
    }
}
