//! A Service as an object of a route, and the one patch that changes it. Pure.

use bluegreen_core::{BackendError, Color, Fence, RouteMark, RouteObject, RouteState, RouteStep, RouteWrite, Split};
use k8s_openapi::api::core::v1::Service;

use super::selector::{ColorLabel, Labels, from_exact, sole, text, to_exact};
use crate::client::annotations::STAMP;
use crate::client::{FencedPatch, last_change};

/// The kind before the name in what people read.
const KIND: &str = "Service/";

/// As people look for it: `Service/checkout`.
pub(super) fn object_name(service: &str) -> String {
    format!("{KIND}{service}")
}

/// The name of the Service behind [`object_name`].
pub(super) fn service_name(object: &str) -> Option<&str> {
    object.strip_prefix(KIND)
}

/// The selector of a Service, without keys where it has none.
pub(super) fn selector(service: &Service) -> Labels {
    service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default()
}

/// What `service` says as an object of the route.
pub(super) fn route_object(label: &ColorLabel, service: &Service) -> Result<RouteObject, BackendError> {
    let name = object_name(service.metadata.name.as_deref().unwrap_or_default());
    let selector = selector(service);
    let annotation = service.metadata.annotations.as_ref().and_then(|annotations| annotations.get(STAMP));
    let mark = annotation.map(|text| text.parse::<RouteMark>()).transpose().map_err(|error| {
        let message =
            format!("annotation {STAMP}: {error}; who wrote it? Remove it to start from what the Service says");
        BackendError::Unusable { object: name.clone(), message }
    })?;
    Ok(RouteObject {
        version: service.metadata.resource_version.clone().unwrap_or_default(),
        state: state(label, service, &selector),
        exact: to_exact(&selector),
        changed: last_change(&service.metadata, &["spec", "selector"]),
        mark,
        name,
    })
}

fn state(label: &ColorLabel, service: &Service, selector: &Labels) -> RouteState {
    match service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) {
        Some("ExternalName") => RouteState::Foreign("it is an ExternalName: its selector has no effect".to_owned()),
        _ => label.state(selector),
    }
}

/// What all objects together say: a color only if they agree.
pub(super) fn agreed(objects: &[RouteObject]) -> Option<Split> {
    let color = sole(&objects.first()?.state)?;
    objects.iter().all(|object| sole(&object.state) == Some(color)).then(|| Split::only(color))
}

/// The writes that bring the objects to `to`.
pub(super) fn steps(objects: &[RouteObject], to: Split) -> Vec<RouteStep> {
    let Some(color) = to.sole() else { return Vec::new() };
    let differing = objects.iter().filter(|object| sole(&object.state).is_some_and(|now| now != color));
    differing
        .map(|object| RouteStep {
            object: object.name.clone(),
            from: object.state.clone(),
            to: RouteState::Routes(Split::only(color)),
        })
        .collect()
}

/// The patch of a write: tests fence and whole selector, sets the mark, and the selector where the color changes.
pub(super) fn write_patch(label: &ColorLabel, write: &RouteWrite<'_>) -> Result<FencedPatch, BackendError> {
    let object = write.object;
    let unusable = |message: String| BackendError::Unusable { object: object.name.clone(), message };
    let selector = from_exact(&object.exact)
        .ok_or_else(|| unusable("what was read of it before is not a selector; read it again".to_owned()))?;
    let stamp = object.mark.as_ref().map(ToString::to_string);
    let patch = FencedPatch::new(&object.name, write.fence, &object.version, stamp)?
        .test(&["spec", "selector"], object.exact.clone())
        .annotate(STAMP, write.mark.to_string());
    Ok(match new_color(write)? {
        // The same keys as before, so that the merge patch of a version fence leaves no other.
        Some(color) => patch.set(&["spec", "selector"], to_exact(&label.with_color(&selector, color))),
        None => patch,
    })
}

/// The color that a write changes to; `None` where it changes only the mark.
fn new_color(write: &RouteWrite<'_>) -> Result<Option<Color>, BackendError> {
    let (from, to) = (sole(&write.object.state), sole(write.to));
    if write.to == &write.object.state || (from.is_some() && from == to) {
        return Ok(None);
    }
    match (from, to) {
        (Some(_), Some(color)) => Ok(Some(color)),
        (None, _) => Err(BackendError::Unusable {
            object: write.object.name.clone(),
            message: format!("its state is not ours to change: {}", write.object.state),
        }),
        (_, None) => Err(BackendError::Unsupported {
            action: format!("route {} to {}", write.object.name, write.to),
            backend: "ServiceRouter".to_owned(),
        }),
    }
}

/// What a write expected, in words.
pub(super) fn expected(write: &RouteWrite<'_>) -> String {
    let selector = from_exact(&write.object.exact).unwrap_or_default();
    let mark = write.object.mark.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    match write.fence {
        Fence::Version => format!("resourceVersion {}, selector {}", write.object.version, text(&selector)),
        Fence::Stamp => format!("stamp {mark}, selector {}", text(&selector)),
    }
}

/// What was there instead, and who did it.
pub(super) fn found(object: &RouteObject) -> String {
    let selector = from_exact(&object.exact).unwrap_or_default();
    let mark = object.mark.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let changed =
        object.changed.as_ref().map(|change| format!("; selector last written by {change}")).unwrap_or_default();
    format!("stamp {mark}, selector {}, resourceVersion {}{changed}", text(&selector), object.version)
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::*;
    use bluegreen_core::{Change, Effect};
    use kube::api::Patch;
    use serde_json::{Value, json};

    fn service(selector: Value, stamp: Option<&str>) -> Service {
        let mut service = json!({
            "metadata": {"name": "checkout", "resourceVersion": "17", "managedFields": [
                {"manager": "kubectl-edit", "time": "2026-11-22T04:05:06Z", "fieldsV1": {"f:spec": {"f:selector": {}}}},
            ]},
            "spec": {"selector": selector},
        });
        if let Some(stamp) = stamp {
            service["metadata"]["annotations"] = json!({STAMP: stamp});
        }
        serde_json::from_value(service).unwrap()
    }

    fn object(selector: Value, stamp: Option<&str>) -> RouteObject {
        route_object(&ColorLabel::default(), &service(selector, stamp)).unwrap()
    }

    fn routes(color: Color) -> RouteState {
        RouteState::Routes(Split::only(color))
    }

    fn patch(write: RouteWrite<'_>) -> Result<Value, BackendError> {
        Ok(match write_patch(&ColorLabel::default(), &write)?.build() {
            Patch::Json(patch) => serde_json::to_value(patch).unwrap(),
            Patch::Merge(value) => value,
            other => panic!("{other:?}"),
        })
    }

    const OLD: &str = "4.2/aaaa blue 20261122t040506-1a2b3c4d from:blue";
    const NEW: &str = "4.3/aaaa green 20261122t040506-1a2b3c4d from:blue";

    #[test]
    fn a_service_is_read_with_its_mark_and_who_changed_it() {
        let object = object(json!({"app": "checkout", "color": "blue"}), Some(OLD));
        assert_eq!(object.name, "Service/checkout");
        assert_eq!(object.version, "17");
        assert_eq!(object.state, routes(Color::Blue));
        assert_eq!(object.exact, json!({"app": "checkout", "color": "blue"}));
        assert_eq!(object.mark.as_ref().unwrap().to_string(), OLD);
        let at = "2026-11-22T04:05:06Z".parse().unwrap();
        assert_eq!(object.changed, Some(Change { by: "kubectl-edit".into(), at: Some(at) }));
        assert!(!object.is_foreign());
    }

    #[test]
    fn an_unreadable_mark_is_an_error_that_names_the_annotation() {
        let service = service(json!({"color": "blue"}), Some("mine"));
        let error = route_object(&ColorLabel::default(), &service).unwrap_err();
        assert!(matches!(error, BackendError::Unusable { .. }));
        assert!(error.to_string().contains(STAMP), "{error}");
    }

    #[test]
    fn an_external_name_is_foreign() {
        let mut service = service(json!({"color": "blue"}), None);
        service.spec.as_mut().unwrap().type_ = Some("ExternalName".into());
        let object = route_object(&ColorLabel::default(), &service).unwrap();
        assert!(matches!(object.state, RouteState::Foreign(_)));
    }

    #[test]
    fn a_switch_tests_stamp_and_selector_and_sets_both() {
        let (object, mark) = (object(json!({"app": "a", "color": "blue"}), Some(OLD)), NEW.parse().unwrap());
        let to = routes(Color::Green);
        let body = patch(RouteWrite { object: &object, fence: Fence::Stamp, to: &to, mark: &mark }).unwrap();
        assert_eq!(
            body,
            json!([
                {"op": "test", "path": "/metadata/annotations/bluegreen.rs~1stamp", "value": OLD},
                {"op": "test", "path": "/spec/selector", "value": {"app": "a", "color": "blue"}},
                {"op": "add", "path": "/metadata/annotations/bluegreen.rs~1stamp", "value": NEW},
                {"op": "add", "path": "/spec/selector", "value": {"app": "a", "color": "green"}},
            ])
        );
    }

    #[test]
    fn a_raise_tests_the_version_and_sets_only_the_mark() {
        let (object, mark) = (object(json!({"app": "a", "color": "blue"}), None), OLD.parse().unwrap());
        let write = RouteWrite { object: &object, fence: Fence::Version, to: &object.state, mark: &mark };
        assert_eq!(patch(write).unwrap(), json!({"metadata": {"resourceVersion": "17", "annotations": {STAMP: OLD}}}));
        assert!(expected(&write).contains("resourceVersion 17"), "{}", expected(&write));
    }

    #[test]
    fn a_foreign_object_can_be_sealed_but_not_routed() {
        let (object, mark) = (object(json!({"app": "a"}), Some(OLD)), NEW.parse().unwrap());
        let seal = RouteWrite { object: &object, fence: Fence::Stamp, to: &object.state, mark: &mark };
        assert_eq!(patch(seal).unwrap().as_array().unwrap().len(), 3);
        let error = patch(RouteWrite { to: &routes(Color::Green), ..seal }).unwrap_err();
        assert!(matches!(error, BackendError::Unusable { .. }), "{error}");
    }

    #[test]
    fn a_weighted_split_is_unsupported() {
        let (object, mark) = (object(json!({"color": "blue"}), Some(OLD)), NEW.parse().unwrap());
        let to = RouteState::Routes(Split::percent(Color::Green, 5));
        let error = patch(RouteWrite { object: &object, fence: Fence::Stamp, to: &to, mark: &mark }).unwrap_err();
        assert!(matches!(error, BackendError::Unsupported { .. }), "{error}");
        assert_eq!(error.effect(), Effect::No);
    }

    #[test]
    fn a_group_steps_through_what_differs_and_agrees_only_as_a_whole() {
        let with = |name: &str, color: &str| {
            let mut object = object(json!({"app": "a", "color": color}), None);
            object.name = object_name(name);
            object
        };
        let objects = [with("a", "blue"), with("b", "green"), with("c", "red"), with("d", "blue")];
        let names = |to| steps(&objects, to).into_iter().map(|step| step.object).collect::<Vec<_>>();
        assert_eq!(names(Split::only(Color::Green)), ["Service/a", "Service/d"]);
        assert_eq!(names(Split::only(Color::Blue)), ["Service/b"]);
        assert!(names(Split::percent(Color::Blue, 50)).is_empty());
        assert_eq!(agreed(&objects), None);
        assert_eq!(agreed(&[with("a", "blue"), with("d", "blue")]), Some(Split::only(Color::Blue)));
        assert_eq!(agreed(&[with("c", "red")]), None);
        assert_eq!(agreed(&[]), None);
    }

    #[test]
    fn a_conflict_tells_who_did_what() {
        let text = found(&object(json!({"app": "a", "color": "green"}), Some(OLD)));
        assert_eq!(
            text,
            format!(
                "stamp {OLD}, selector app=a,color=green, resourceVersion 17; \
                 selector last written by kubectl-edit at 2026-11-22T04:05:06Z"
            )
        );
    }
}
