//! The autoscaler of a color: reading it, and keeping it from going low.

use bluegreen_core::{Autoscaler, BackendError, Color, Fence};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;

use super::DeploymentEnvironment;
use super::settings::ORIGINAL_MIN;
use crate::client::{FencedPatch, patch_params};

/// How often a pin is tried while the autoscaler's status changes under it.
const ATTEMPTS: u32 = 3;

/// An autoscaler as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    version: String,
    pub(super) limits: Autoscaler,
    original: Option<u32>,
}

/// What is to be written to pin an autoscaler, or to give it back.
#[derive(Debug, PartialEq, Eq)]
struct Pin {
    min: u32,
    /// To be remembered; `None` forgets it.
    original: Option<u32>,
}

impl DeploymentEnvironment {
    /// The autoscaler of a color. Who may not list them is taken to have none.
    pub(super) async fn find_autoscaler(&self, color: Color) -> Result<Option<Found>, BackendError> {
        let api = self.cluster.api::<HorizontalPodAutoscaler>(&self.settings.target.namespace);
        let object = format!("HorizontalPodAutoscalers of {}", self.settings.object(color));
        let list = match self.cluster.read("list", &object, api.list(&ListParams::default())).await {
            Err(BackendError::Denied { .. } | BackendError::NotFound { .. }) => return Ok(None),
            list => list?,
        };
        Ok(list.items.iter().find(|autoscaler| scales(autoscaler, self.settings.name(color))).map(found))
    }

    pub(super) async fn write_pin(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        let mut attempt = 1;
        loop {
            let Some(autoscaler) = self.find_autoscaler(color).await? else {
                return Ok(false);
            };
            let object = format!("HorizontalPodAutoscaler/{}", autoscaler.name);
            let pin = plan(&autoscaler, minimum)
                .map_err(|message| BackendError::Unusable { object: object.clone(), message })?;
            let Some(pin) = pin else { return Ok(false) };
            let patch = FencedPatch::new(&object, Fence::Version, &autoscaler.version, None)?
                .set(&["spec", "minReplicas"], json!(pin.min));
            let patch = match pin.original {
                Some(original) => patch.annotate(ORIGINAL_MIN, original.to_string()),
                None => patch.remove_annotation(ORIGINAL_MIN),
            };
            let api = self.cluster.api::<HorizontalPodAutoscaler>(&self.settings.target.namespace);
            let (params, body) = (patch_params(), patch.build());
            let action = if minimum.is_some() { "pin" } else { "give back" };
            match self.cluster.write(action, &object, api.patch(&autoscaler.name, &params, &body)).await {
                // Its status is written all the time. A conflict had no effect, so it may be tried on what is there now.
                Err(BackendError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
                reply => return reply.map(|_| true),
            }
        }
    }
}

fn scales(autoscaler: &HorizontalPodAutoscaler, name: &str) -> bool {
    autoscaler.spec.as_ref().is_some_and(|spec| {
        let target = &spec.scale_target_ref;
        target.kind == "Deployment" && target.name == name
    })
}

fn found(autoscaler: &HorizontalPodAutoscaler) -> Found {
    let count = |replicas: i32| u32::try_from(replicas).unwrap_or_default();
    let spec = autoscaler.spec.as_ref();
    Found {
        name: autoscaler.name_any(),
        version: autoscaler.resource_version().unwrap_or_default(),
        limits: Autoscaler {
            min: spec.and_then(|spec| spec.min_replicas).map_or(1, count),
            max: spec.map(|spec| spec.max_replicas).map_or(0, count),
        },
        original: autoscaler.annotations().get(ORIGINAL_MIN).and_then(|text| text.parse().ok()),
    }
}

/// What is to be written so that the autoscaler doesn't go below `minimum`, or, for `None`, below what it had before.
fn plan(autoscaler: &Found, minimum: Option<u32>) -> Result<Option<Pin>, String> {
    let Autoscaler { min, max } = autoscaler.limits;
    let Some(minimum) = minimum else {
        return Ok(autoscaler.original.map(|original| Pin { min: original, original: None }));
    };
    if minimum > max {
        return Err(format!("its maxReplicas is {max}, but {minimum} replicas are needed: raise it"));
    }
    let original = autoscaler.original.unwrap_or(min);
    let wanted = original.max(minimum);
    Ok((wanted != min).then_some(Pin { min: wanted, original: Some(original) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_remembers_the_first_minimum_and_gives_it_back() {
        let autoscaler = |min, original| Found {
            name: "checkout-green".into(),
            version: "1".into(),
            limits: Autoscaler { min, max: 10 },
            original,
        };
        let pin = |min, original| Some(Pin { min, original });
        for (now, minimum, write) in [
            (autoscaler(2, None), Some(5), pin(5, Some(2))),
            (autoscaler(5, Some(2)), Some(5), None),
            (autoscaler(5, Some(2)), Some(7), pin(7, Some(2))),
            (autoscaler(7, Some(2)), Some(1), pin(2, Some(2))),
            (autoscaler(6, None), Some(5), None),
            (autoscaler(5, Some(2)), None, pin(2, None)),
            (autoscaler(2, None), None, None),
        ] {
            assert_eq!(plan(&now, minimum), Ok(write), "{now:?} {minimum:?}");
        }
        assert!(plan(&autoscaler(2, None), Some(11)).unwrap_err().contains("maxReplicas is 10, but 11"));
    }

    #[test]
    fn only_the_autoscaler_of_the_deployment_counts() {
        let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": {"name": "h", "resourceVersion": "3"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout-green"}, "minReplicas": 2, "maxReplicas": 4},
        }))
        .unwrap();
        assert!(scales(&autoscaler, "checkout-green"));
        assert!(!scales(&autoscaler, "checkout-blue"));
        assert_eq!(found(&autoscaler).limits, Autoscaler { min: 2, max: 4 });
    }
}
