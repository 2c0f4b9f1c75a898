//! Copying a color's objects, and putting the copies back.

use bluegreen_core::{BackendError, Color, Snapshot, SnapshotObject};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject};
use serde_json::{Map, Value, json};

use super::DeploymentEnvironment;
use super::manifest::{REVISION, cleaned};
use crate::client::annotations::STAMP;
use crate::client::post_params;

/// How often one object is restored while it changes under the write.
const ATTEMPTS: u32 = 5;

impl DeploymentEnvironment {
    pub(super) async fn read_snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        let mut objects = Vec::new();
        if let Some(live) = self.read_untyped(color).await? {
            objects.push(SnapshotObject { name: self.settings.object(color), content: cleaned(live) });
        }
        if let Some(autoscaler) = self.find_autoscaler(color).await? {
            let name = format!("HorizontalPodAutoscaler/{}", autoscaler.name);
            let api = self.untyped::<HorizontalPodAutoscaler>();
            if let Some(live) = self.cluster.read("read", &name, api.get_opt(&autoscaler.name)).await? {
                let live = serde_json::to_value(live).map_err(|error| unusable(&name, error.to_string()))?;
                objects.push(SnapshotObject { name, content: cleaned(live) });
            }
        }
        Ok(Snapshot { color, objects })
    }

    /// Each object is one write. The stamp that is there stays, so what was fenced off stays so.
    pub(super) async fn write_snapshot(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        for object in &snapshot.objects {
            let kind = object.content.get("kind").and_then(Value::as_str);
            let api = match kind {
                Some("Deployment") => self.untyped::<Deployment>(),
                Some("HorizontalPodAutoscaler") => self.untyped::<HorizontalPodAutoscaler>(),
                _ => {
                    return Err(unusable(&object.name, "only Deployments and autoscalers can be restored".to_owned()));
                }
            };
            self.restore_object(&api, object).await?;
        }
        Ok(())
    }

    async fn restore_object(&self, api: &Api<DynamicObject>, object: &SnapshotObject) -> Result<(), BackendError> {
        let invalid = |error: serde_json::Error| unusable(&object.name, error.to_string());
        let metadata_text = |key: &str| object.content.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
        let (Some(name), Some(namespace)) = (metadata_text("name"), metadata_text("namespace")) else {
            return Err(unusable(&object.name, "the snapshot has no name and namespace".to_owned()));
        };
        if namespace != self.settings.target.namespace {
            return Err(unusable(
                &object.name,
                format!("the snapshot is of namespace {namespace}, not of this target"),
            ));
        }
        let (params, mut stamp, mut attempt) = (post_params(), None, 1);
        loop {
            let live = self.cluster.read("read", &object.name, api.get_opt(name)).await?;
            let Some(live) = live else {
                let content = serde_json::from_value(object.content.clone()).map_err(invalid)?;
                return self.cluster.write("restore", &object.name, api.create(&params, &content)).await.map(drop);
            };
            let live_stamp = live.annotations().get(STAMP).cloned();
            let first_stamp = stamp.get_or_insert_with(|| live_stamp.clone());
            if *first_stamp != live_stamp {
                let text = |stamp: Option<String>| {
                    stamp.map_or_else(|| "no stamp".to_owned(), |stamp| format!("stamp {stamp}"))
                };
                let (object, expected) = (object.name.clone(), text(first_stamp.take()));
                return Err(BackendError::Conflict { object, expected, found: text(live_stamp) });
            }
            let live = serde_json::to_value(live).map_err(invalid)?;
            let content = serde_json::from_value(over(&live, object.content.clone())).map_err(invalid)?;
            match self.cluster.write("restore", &object.name, api.replace(name, &params, &content)).await {
                // Mostly its status. The conflict had no effect, so the same may be tried on what is there now.
                Err(BackendError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
                reply => return reply.map(drop),
            }
        }
    }
}

/// A copy, to be put in place of `live`: under its version, and with the annotations that aren't part of a copy.
fn over(live: &Value, mut copy: Value) -> Value {
    let here = |key: &str| live.pointer("/metadata").and_then(|metadata| metadata.get(key)).cloned();
    let annotations = here("annotations").unwrap_or_default();
    let Some(metadata) = copy.get_mut("metadata").and_then(Value::as_object_mut) else {
        return copy;
    };
    for key in ["uid", "resourceVersion"] {
        metadata.extend(here(key).map(|value| (key.to_owned(), value)));
    }
    let kept: Map<String, Value> =
        [STAMP, REVISION].into_iter().filter_map(|key| Some((key.to_owned(), annotations.get(key)?.clone()))).collect();
    if let Some(annotations) = metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut() {
        annotations.extend(kept);
    }
    copy
}

fn unusable(object: &str, message: String) -> BackendError {
    BackendError::Unusable { object: object.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_copy_keeps_the_stamp_that_is_there_and_tests_the_version() {
        let live = json!({
            "metadata": {
                "name": "checkout-blue", "uid": "u", "resourceVersion": "9", "generation": 4,
                "labels": {"added": "later"},
                "annotations": {STAMP: "3.1/h", REVISION: "7", "added": "later"},
            },
            "spec": {"replicas": 0},
            "status": {"replicas": 0},
        });
        let copy = cleaned(json!({
            "metadata": {
                "name": "checkout-blue", "uid": "u", "resourceVersion": "4", "creationTimestamp": "2026-11-22T04:05:06Z",
                "labels": {"app": "checkout"}, "annotations": {STAMP: "2.9/h", REVISION: "5", "note": "kept"},
            },
            "spec": {"replicas": 3},
            "status": {"replicas": 3},
        }));
        assert_eq!(
            copy,
            json!({
                "metadata": {"name": "checkout-blue", "labels": {"app": "checkout"}, "annotations": {"note": "kept"}},
                "spec": {"replicas": 3},
            })
        );
        assert_eq!(
            over(&live, copy),
            json!({
                "metadata": {
                    "name": "checkout-blue", "uid": "u", "resourceVersion": "9",
                    "labels": {"app": "checkout"}, "annotations": {STAMP: "3.1/h", REVISION: "7", "note": "kept"},
                },
                "spec": {"replicas": 3},
            })
        );
    }
}
