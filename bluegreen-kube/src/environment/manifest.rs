//! What a color's Deployment is written as. All of it is pure.

use bluegreen_core::{Color, Release, Stamp};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Map, Value, json};

use super::settings::{CONFIGURATION, Settings};
use crate::client::annotations::{CLEANUP_AFTER, RELEASE, STAMP};

/// The manifest of a [`DeploymentEnvironment`](super::DeploymentEnvironment) can't be used. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The text isn't YAML, or not that of a Deployment. The message names the line.
    #[error("the manifest is not a Deployment in YAML: {message}")]
    Yaml {
        /// Where and what.
        message: String,
    },
    /// The Deployment can't be written as JSON.
    #[error("the manifest can't be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The Deployment asks for another namespace than the target's.
    #[error("the manifest is for namespace {found}, the target is in {expected}: make them the same, or leave it out")]
    Namespace {
        /// The target's.
        expected: String,
        /// The manifest's.
        found: String,
    },
    /// There is nothing to run.
    #[error("the manifest has no containers in spec.template.spec.containers")]
    NoContainers,
}

/// What is put into a manifest for one deployment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rendering<'a> {
    pub(super) color: Color,
    pub(super) release: &'a Release,
    pub(super) replicas: u32,
    pub(super) stamp: &'a Stamp,
}

/// Reads a manifest; the typed form is only for the errors, since it would drop fields that it doesn't know.
pub(super) fn parse_yaml(yaml: &str) -> Result<Value, ManifestError> {
    let error = |error: serde_saphyr::Error| ManifestError::Yaml { message: error.to_string() };
    let _: Deployment = serde_saphyr::from_str(yaml).map_err(error)?;
    serde_saphyr::from_str(yaml).map_err(error)
}

/// What can be wrong with a manifest whatever the settings are.
pub(super) fn check(manifest: &Value, namespace: &str) -> Result<(), ManifestError> {
    if let Some(found) = manifest.pointer("/metadata/namespace").and_then(Value::as_str)
        && found != namespace
    {
        return Err(ManifestError::Namespace { expected: namespace.to_owned(), found: found.to_owned() });
    }
    if container_names(manifest).is_empty() { Err(ManifestError::NoContainers) } else { Ok(()) }
}

/// The Deployment of a color. `manifest` stays as it is but for name, namespace, the color's label in the three places
/// that have it, the image of one container, replicas, and our annotations.
pub(super) fn render(manifest: &Value, settings: &Settings, rendering: Rendering<'_>) -> Result<Value, String> {
    let Rendering { color, release, replicas, stamp } = rendering;
    let mut object = manifest.clone();
    let root = object.as_object_mut().ok_or("the manifest is not an object")?;
    root.remove("status");
    root.insert("apiVersion".to_owned(), json!("apps/v1"));
    root.insert("kind".to_owned(), json!("Deployment"));

    let metadata = map_at(root, &["metadata"])?;
    metadata.insert("name".to_owned(), json!(settings.name(color)));
    metadata.insert("namespace".to_owned(), json!(settings.target.namespace));
    let annotations = map_at(root, &["metadata", "annotations"])?;
    annotations.remove(CLEANUP_AFTER);
    annotations.insert(STAMP.to_owned(), json!(stamp.to_string()));
    let release_json = serde_json::to_string(release).map_err(|error| error.to_string())?;
    annotations.insert(RELEASE.to_owned(), json!(release_json));

    map_at(root, &["spec"])?.insert("replicas".to_owned(), json!(replicas));
    for labels in [
        ["metadata", "labels"].as_slice(),
        ["spec", "selector", "matchLabels"].as_slice(),
        ["spec", "template", "metadata", "labels"].as_slice(),
    ] {
        map_at(root, labels)?.insert(settings.label_key.clone(), json!(settings.label_value(color)));
    }
    set_configuration(root, release)?;
    set_image(&mut object, settings, release)?;
    Ok(object)
}

/// Pods are made anew only when their template changes, so the fingerprint has to be part of it.
fn set_configuration(root: &mut Map<String, Value>, release: &Release) -> Result<(), String> {
    let template = map_at(root, &["spec", "template", "metadata"])?;
    match &release.configuration {
        Some(fingerprint) => {
            map_at(template, &["annotations"])?.insert(CONFIGURATION.to_owned(), json!(fingerprint));
        }
        None => {
            if let Some(annotations) = template.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(CONFIGURATION);
            }
        }
    }
    Ok(())
}

fn set_image(object: &mut Value, settings: &Settings, release: &Release) -> Result<(), String> {
    let index = choose_container(settings, &container_names(object))?;
    let Some(artifact) = &release.artifact else {
        return Ok(());
    };
    let container =
        object.pointer_mut(&format!("/spec/template/spec/containers/{index}")).and_then(Value::as_object_mut);
    container.ok_or("a container is not an object")?.insert("image".to_owned(), json!(artifact));
    Ok(())
}

/// The position of the container that gets the image: the one that was named, else the only one, else the one that is
/// called as the target.
pub(super) fn choose_container(settings: &Settings, names: &[&str]) -> Result<usize, String> {
    let position = |wanted: &str| names.iter().position(|name| *name == wanted);
    match (&settings.container, names) {
        (Some(wanted), _) => position(wanted)
            .ok_or_else(|| format!("has no container {wanted}; its containers are {}", names.join(", "))),
        (None, []) => Err("has no containers".to_owned()),
        (None, [_]) => Ok(0),
        (None, _) => position(&settings.target.name).ok_or_else(|| {
            format!("has several containers: say with `container` which of {} gets the image", names.join(", "))
        }),
    }
}

pub(super) fn container_names(object: &Value) -> Vec<&str> {
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    containers
        .into_iter()
        .flatten()
        .map(|container| container.get("name").and_then(Value::as_str).unwrap_or_default())
        .collect()
}

/// The labels by which a manifest's Deployment finds its pods.
pub(super) fn match_labels(object: &Value) -> Option<&Map<String, Value>> {
    object.pointer("/spec/selector/matchLabels").and_then(Value::as_object)
}

/// An object as it would be written anew: without what only the server or its controllers set.
pub(super) fn cleaned(mut object: Value) -> Value {
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in SERVER_SET {
            metadata.remove(key);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(REVISION);
            annotations.remove(STAMP);
        }
        // A map that only held what was taken away is as good as none.
        if metadata.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty) {
            metadata.remove("annotations");
        }
    }
    object
}

const SERVER_SET: [&str; 8] = [
    "resourceVersion",
    "uid",
    "managedFields",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The Deployment controller's own annotation.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Deployment as the manifest of another: [`cleaned`], and without what was noted about this one alone.
pub(super) fn as_manifest(object: Value) -> Value {
    let mut manifest = cleaned(object);
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
        metadata.remove("finalizers");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
            annotations.retain(|key, _| !key.starts_with("bluegreen.rs/"));
        }
    }
    manifest
}

/// `rendered` as the replacement of `live`: its spec as it is, its labels and annotations over those that are there.
///
/// A replacement and not an apply, so that what an earlier manifest had and this one hasn't is gone, whoever's write
/// brought it. It tests the uid and the resourceVersion of `live`.
pub(super) fn replacing(live: &Value, rendered: &Value) -> Result<Value, String> {
    let mut object = live.clone();
    let root = object.as_object_mut().ok_or("the API server's answer is not an object")?;
    root.remove("status");
    root.insert("spec".to_owned(), rendered.get("spec").cloned().unwrap_or_default());
    map_at(root, &["metadata", "annotations"])?.remove(CLEANUP_AFTER);
    for path in [["metadata", "labels"], ["metadata", "annotations"]] {
        let written = rendered.pointer(&format!("/{}", path.join("/"))).and_then(Value::as_object);
        let here = map_at(root, &path)?;
        here.extend(written.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    }
    Ok(object)
}

/// What of a selector differs, for the error that the API server would only call immutable.
pub(super) fn selector_difference(live: &Value, rendered: &Value) -> Option<String> {
    let selector = |object: &Value| object.pointer("/spec/selector").cloned().unwrap_or_default();
    let (live, wanted) = (selector(live), selector(rendered));
    (live != wanted).then(|| {
        format!("its spec.selector is {live} and can't be changed to {wanted}: delete it, or make the manifest and labels agree")
    })
}

/// The keys that `map` has at a path, made where they aren't there; `null` counts as not there.
fn map_at<'a>(map: &'a mut Map<String, Value>, path: &[&str]) -> Result<&'a mut Map<String, Value>, String> {
    let Some((key, rest)) = path.split_first() else {
        return Ok(map);
    };
    let child = map.entry(*key).or_insert(Value::Null);
    if child.is_null() {
        *child = Value::Object(Map::new());
    }
    let child = child.as_object_mut().ok_or_else(|| format!("{key} is not an object"))?;
    map_at(child, rest)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{deployment, settings};
    use super::*;
    use bluegreen_core::PerColor;

    const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ignored
  labels: {app: checkout}
  annotations: {note: kept}
spec:
  replicas: 9
  selector: {matchLabels: {app: checkout}}
  strategy: {rollingUpdate: {maxSurge: 100%}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      fieldOfTheFuture: kept
      containers:
      - {name: proxy, image: 'proxy:1'}
      - {name: checkout, image: 'checkout:0', env: [{name: A, value: '1'}]}
";

    fn rendered(settings: &Settings, release: &Release) -> Result<Value, String> {
        let stamp = "4.2/h".parse().unwrap();
        let rendering = Rendering { color: Color::Green, release, replicas: 3, stamp: &stamp };
        render(&parse_yaml(MANIFEST).unwrap(), settings, rendering)
    }

    #[test]
    fn a_color_is_written_as_its_manifest_with_its_own_name_label_image_and_size() {
        let release = Release::image("checkout:2").with_configuration("c0ffee");
        insta::assert_json_snapshot!(rendered(&settings(), &release).unwrap());
    }

    #[test]
    fn labels_names_and_container_can_be_chosen() {
        let mut settings = settings();
        settings.label_key = "version".to_owned();
        settings.label_values = PerColor { blue: "a".to_owned(), green: "b".to_owned() };
        settings.names = PerColor { blue: "one".to_owned(), green: "two".to_owned() };
        settings.container = Some("proxy".to_owned());
        let object = rendered(&settings, &Release::image("proxy:2")).unwrap();
        for (pointer, value) in [
            ("/metadata/name", "two"),
            ("/metadata/labels/version", "b"),
            ("/spec/selector/matchLabels/version", "b"),
            ("/spec/template/metadata/labels/version", "b"),
            ("/spec/template/spec/containers/0/image", "proxy:2"),
            ("/spec/template/spec/containers/1/image", "checkout:0"),
        ] {
            assert_eq!(object.pointer(pointer), Some(&json!(value)), "{pointer}");
        }
        let written = rendered(&settings, &Release::version("2")).unwrap();
        assert_eq!(written.pointer("/spec/template/spec/containers/0/image"), Some(&json!("proxy:1")));
    }

    #[test]
    fn the_container_is_the_named_one_the_only_one_or_the_one_called_as_the_target() {
        let named = |name: &str| Settings { container: Some(name.to_owned()), ..settings() };
        assert_eq!(choose_container(&settings(), &["app"]), Ok(0));
        assert_eq!(choose_container(&settings(), &["proxy", "checkout"]), Ok(1));
        assert_eq!(choose_container(&named("proxy"), &["proxy", "checkout"]), Ok(0));
        let error = choose_container(&settings(), &["proxy", "engine"]).unwrap_err();
        assert!(error.contains("which of proxy, engine gets the image"), "{error}");
        let error = choose_container(&named("x"), &["proxy"]).unwrap_err();
        assert_eq!(error, "has no container x; its containers are proxy");
    }

    #[test]
    fn what_is_no_manifest_of_a_deployment_says_where() {
        let message = |yaml: &str| parse_yaml(yaml).unwrap_err().to_string();
        assert!(message("spec:\n  replicas: many\n").contains("line 2"), "{}", message("spec:\n  replicas: many\n"));
        assert!(message("kind: [").contains("line 1"), "{}", message("kind: ["));
        let wrong_kind = message("apiVersion: v1\nkind: Service\n");
        assert!(wrong_kind.contains("Deployment"), "{wrong_kind}");
        let other = json!({"metadata": {"namespace": "other"}});
        assert!(matches!(check(&other, "shop"), Err(ManifestError::Namespace { .. })));
        assert!(matches!(check(&json!({}), "shop"), Err(ManifestError::NoContainers)));
        assert!(check(&parse_yaml(MANIFEST).unwrap(), "shop").is_ok());
    }

    #[test]
    fn a_clone_has_nothing_of_its_own_past() {
        let mut live = deployment("checkout:1", 3);
        live["metadata"]["annotations"][LAST_APPLIED] = json!("{}");
        live["metadata"]["annotations"]["note"] = json!("kept");
        live["metadata"]["managedFields"] = json!([]);
        let manifest = as_manifest(live);
        assert_eq!(
            manifest["metadata"],
            json!({"name": "checkout-green", "namespace": "shop", "annotations": {"note": "kept"}})
        );
        assert_eq!(manifest.get("status"), None);
    }

    #[test]
    fn a_replacement_has_the_written_spec_and_tests_what_was_read() {
        let mut live = deployment("checkout:1", 0);
        live["metadata"]["annotations"][CLEANUP_AFTER] = json!("2026-12-01T00:00:00Z");
        live["metadata"]["annotations"]["added"] = json!("by someone");
        live["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "OLD"}]);
        let written = rendered(&settings(), &Release::image("checkout:2")).unwrap();
        let object = replacing(&live, &written).unwrap();
        assert_eq!(object["spec"], written["spec"]);
        assert_eq!(object["metadata"]["resourceVersion"], json!("7"));
        assert_eq!(object["metadata"]["uid"], json!("deployment"));
        let annotations = &object["metadata"]["annotations"];
        assert_eq!((&annotations["added"], &annotations["note"]), (&json!("by someone"), &json!("kept")));
        assert_eq!((&annotations[STAMP], annotations.get(CLEANUP_AFTER)), (&json!("4.2/h"), None));
        assert!(selector_difference(&live, &written).is_none());
    }
}
