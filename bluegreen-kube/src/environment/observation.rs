//! From the parts of a color to what a rollout wants to know of it.

use bluegreen_core::{Autoscaler, Color, ColorObservation, Endpoint, Release, Stamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::manifest::choose_container;
use super::obstacles::obstacles;
use super::settings::Settings;
use super::workload::{Workload, is_ready, is_running, is_terminating, restarts, template_containers};
use crate::client::annotations::{RELEASE, STAMP};

/// What the parts of a color say together. Pure.
pub(super) fn observe_from(
    settings: &Settings,
    color: Color,
    workload: &Workload,
    autoscaler: Option<Autoscaler>,
) -> ColorObservation {
    let Some(deployment) = workload.deployment.as_deref() else {
        return ColorObservation::absent(color, settings.object(color));
    };
    let pods: Vec<&Pod> = workload.current_pods().into_iter().filter(|pod| !is_terminating(pod)).collect();
    let endpoints: std::collections::BTreeSet<_> =
        pods.iter().filter(|pod| is_ready(pod)).map(|pod| endpoint(pod)).collect();
    ColorObservation {
        color,
        object: settings.object(color),
        exists: true,
        version: deployment.resource_version().unwrap_or_default(),
        stamp: stamp_of(deployment),
        release: release_of(settings, deployment),
        desired: desired(deployment),
        ready: u32::try_from(endpoints.len()).unwrap_or(u32::MAX),
        settled: workload.is_settled(),
        restarts: pods.iter().map(|pod| restarts(pod)).sum(),
        obstacles: obstacles(&settings.graces, deployment, workload.current_set(), &pods),
        members: pods.iter().filter(|pod| is_running(pod)).map(|pod| endpoint(pod)).collect(),
        endpoints,
        autoscaler,
    }
}

/// The stamp that our last write left; one that can't be read is none, and no write of ours will match it.
pub(super) fn stamp_of(deployment: &Deployment) -> Option<Stamp> {
    deployment.annotations().get(STAMP)?.parse().ok()
}

pub(super) fn desired(deployment: &Deployment) -> u32 {
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    u32::try_from(replicas).unwrap_or_default()
}

/// The release that we deployed, unless someone has changed the image since.
pub(super) fn release_of(settings: &Settings, deployment: &Deployment) -> Option<Release> {
    let release: Release = serde_json::from_str(deployment.annotations().get(RELEASE)?).ok()?;
    let Some(artifact) = &release.artifact else {
        return Some(release);
    };
    let containers = template_containers(deployment);
    let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    let index = choose_container(settings, &names).ok()?;
    (containers.get(index)?.image.as_ref() == Some(artifact)).then_some(release)
}

fn endpoint(pod: &Pod) -> Endpoint {
    Endpoint {
        id: pod.uid().unwrap_or_default(),
        name: pod.name_any(),
        address: pod.status.as_ref().and_then(|status| status.pod_ip.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{deployment, merge, ready_pod, replica_set, settings, waiting, workload};
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_ready_is_the_pods_of_the_wanted_template_that_stay() {
        let mut leaving = ready_pod("leaving", "new");
        merge(&mut leaving, json!({"metadata": {"deletionTimestamp": "2026-11-22T04:05:06Z"}}));
        let pods = vec![
            ready_pod("a", "new"),
            leaving,
            ready_pod("before", "old"),
            super::super::fixtures::pod("b", "new", waiting("ContainerCreating", "")),
        ];
        let sets = vec![replica_set("old", "checkout:1", [1, 1, 1]), replica_set("new", "checkout:2", [2, 2, 1])];
        let workload = workload(deployment("checkout:2", 2), sets, pods);
        let seen = observe_from(&settings(), Color::Green, &workload, None);
        insta::assert_json_snapshot!(seen);
    }

    #[test]
    fn the_release_is_known_only_while_its_image_is_there() {
        let release = |value| release_of(&settings(), &serde_json::from_value(value).unwrap());
        assert_eq!(release(deployment("checkout:2", 1)).map(|release| release.version), Some("2".to_owned()));
        assert_eq!(release(deployment("checkout:3", 1)), None);
        for (annotation, known) in
            [(json!(r#"{"version":"9"}"#), true), (json!("not JSON"), false), (json!(null), false)]
        {
            let mut value = deployment("checkout:3", 1);
            value["metadata"]["annotations"]["bluegreen.rs/release"] = annotation;
            if !known {
                value["metadata"]["annotations"].as_object_mut().unwrap().retain(|_, text| !text.is_null());
            }
            assert_eq!(release(value).is_some(), known);
        }
    }

    #[test]
    fn a_color_without_a_deployment_is_absent() {
        let seen = observe_from(&settings(), Color::Blue, &Workload::default(), None);
        assert_eq!(seen, ColorObservation::absent(Color::Blue, "Deployment/checkout-blue"));
    }
}
