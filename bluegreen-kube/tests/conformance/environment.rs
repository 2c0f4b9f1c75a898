//! Deployments as subjects.

use std::time::Duration;

use bluegreen_core::{Color, Release};
use bluegreen_kube::DeploymentEnvironment;
use bluegreen_testkit::conformance::environment::Subject;
use bluegreen_testkit::conformance::{Checked, Failure, Fixture};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{DeleteParams, Patch};
use serde_json::json;

use crate::place::{Place, Server, image};

const MANIFEST: &str = "
metadata: {labels: {app: checkout}}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        imagePullPolicy: Never
";

/// An image that isn't there.
pub(crate) const ABSENT: &str = "bluegreen.test/absent:1";

/// An environment that takes over nothing that others made.
pub(crate) async fn subject(server: Server) -> Result<Fixture<Subject>, Failure> {
    let place = Place::make(server).await?;
    let made = around(&place).await;
    let clean_up = place.remove();
    match made {
        Ok(subject) => Ok(Fixture::new(subject).clean_up(clean_up)),
        Err(failure) => clean_up.await.and(Err(failure)),
    }
}

async fn around(place: &Place) -> Result<Subject, Failure> {
    let environment = |place: &Place| DeploymentEnvironment::from_yaml(&place.cluster, &place.target, MANIFEST);
    let autoscaler = json!({
        "metadata": {"name": "checkout-blue"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout-blue"},
                 "minReplicas": 1, "maxReplicas": 4},
    });
    place.create::<HorizontalPodAutoscaler>(autoscaler).await?;
    let [losing, edited, deleted, marked] = [(); 4].map(|()| place.clone());
    let subject = Subject::new(environment(place)?, ["1", "2"].map(release))
        .other(environment(&place.again().await?)?)
        .never_ready(Release::image(ABSENT))
        .loses_pods(move |color| lose(losing.clone(), color))
        .edits(move |color| edit(edited.clone(), color))
        .deletes(move |color| delete(deleted.clone(), color))
        .cleanup_after(move |color| cleanup_after(marked.clone(), color))
        .autoscaled(Color::Blue);
    Ok(subject.patience(Duration::from_secs(90)))
}

/// Releases of the same image.
fn release(version: &str) -> Release {
    Release { version: version.to_owned(), artifact: Some(image()), configuration: Some(version.to_owned()) }
}

fn name(color: Color) -> String {
    format!("checkout-{color}")
}

async fn lose(place: Place, color: Color) -> Checked {
    place.lose_pods(color).await
}

async fn edit(place: Place, color: Color) -> Checked {
    let containers = json!([{"name": "app", "image": "other:1"}]);
    let patch = Patch::Strategic(json!({"spec": {"template": {"spec": {"containers": containers}}}}));
    place.edit::<Deployment>(&name(color), patch).await
}

async fn delete(place: Place, color: Color) -> Checked {
    place.api::<Deployment>().delete(&name(color), &DeleteParams::default()).await?;
    Ok(())
}

async fn cleanup_after(place: Place, color: Color) -> Result<Option<Timestamp>, Failure> {
    let deployment = place.api::<Deployment>().get(&name(color)).await?;
    let annotations = deployment.metadata.annotations.unwrap_or_default();
    let time = annotations.get("bluegreen.rs/cleanup-after").map(|time| time.parse());
    Ok(time.transpose()?)
}
