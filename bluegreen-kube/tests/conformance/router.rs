//! Services as subjects.

use std::collections::BTreeSet;
use std::time::Duration;

use bluegreen_core::{Color, Endpoint};
use bluegreen_kube::ServiceRouter;
use bluegreen_testkit::conformance::traffic_router::Subject;
use bluegreen_testkit::conformance::{Checked, Failure, Fixture};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, Patch};
use serde_json::json;

use crate::place::{Place, Server, image};

/// How many pods each color has.
const PODS: usize = 2;

/// A route with preview paths.
pub(crate) async fn of_one_service(server: Server) -> Result<Fixture<Subject>, Failure> {
    fixture(server, &["checkout"], |router| router.preview().port("http")).await
}

pub(crate) async fn of_two_services(server: Server) -> Result<Fixture<Subject>, Failure> {
    fixture(server, &["checkout", "checkout-internal"], |router| router).await
}

async fn fixture(
    server: Server,
    services: &'static [&'static str],
    set: fn(ServiceRouter) -> ServiceRouter,
) -> Result<Fixture<Subject>, Failure> {
    let place = Place::make(server).await?;
    let made = around(&place, services, set).await;
    let clean_up = place.remove();
    match made {
        Ok(subject) => Ok(Fixture::new(subject).clean_up(clean_up)),
        Err(failure) => clean_up.await.and(Err(failure)),
    }
}

async fn around(
    place: &Place,
    services: &'static [&'static str],
    set: fn(ServiceRouter) -> ServiceRouter,
) -> Result<Subject, Failure> {
    for service in services {
        let selector = json!({"app": "checkout", "color": "blue"});
        let ports = json!([{"name": "http", "port": 80, "targetPort": "web"}]);
        let service = json!({"metadata": {"name": service}, "spec": {"selector": selector, "ports": ports}});
        place.create::<Service>(service).await?;
    }
    for color in Color::ALL {
        deployment(place, color).await?;
    }
    let router = |place: &Place| {
        let router = ServiceRouter::new(&place.cluster, &place.target);
        set(services.iter().fold(router, |router, service| router.service(*service)))
    };
    let [ready, edited, obscured, removed, replaced] = [(); 5].map(|()| place.clone());
    Ok(Subject::new(router(place), move |color| all_ready(ready.clone(), color))
        .other(router(&place.again().await?))
        .objects(services.len())
        .edits(move |color| select(edited.clone(), services, json!(color)))
        .obscures(move || select(obscured.clone(), services, json!(null)))
        .removes(move || remove(removed.clone(), services))
        .replaces_pods(move |color| lose(replaced.clone(), color))
        .patience(Duration::from_secs(90)))
}

async fn deployment(place: &Place, color: Color) -> Checked {
    let labels = json!({"app": "checkout", "color": color});
    let container = json!({"name": "app", "image": image(), "imagePullPolicy": "Never",
        "ports": [{"name": "web", "containerPort": 8080}]});
    let deployment = json!({"metadata": {"name": format!("checkout-{color}")}, "spec": {
        "replicas": PODS, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}}});
    place.create::<Deployment>(deployment).await
}

/// Waits for the pods, bounded by the deadline of the case.
async fn all_ready(place: Place, color: Color) -> Result<BTreeSet<Endpoint>, Failure> {
    loop {
        let pods = place.ready_pods(color).await?;
        if pods.len() == PODS {
            return Ok(pods.into_iter().collect());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn select(place: Place, services: &[&str], color: serde_json::Value) -> Checked {
    for service in services {
        place.edit::<Service>(service, Patch::Merge(json!({"spec": {"selector": {"color": color}}}))).await?;
    }
    Ok(())
}

async fn remove(place: Place, services: &[&str]) -> Checked {
    for service in services {
        place.api::<Service>().delete(service, &DeleteParams::default()).await?;
    }
    Ok(())
}

async fn lose(place: Place, color: Color) -> Checked {
    place.lose_pods(color).await
}
