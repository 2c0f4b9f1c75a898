//! `DeploymentEnvironment`.

use std::time::Duration;

use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Environment, Fence, Finding, PreflightContext, Scale, Seal,
};
use bluegreen_kube::DeploymentEnvironment;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{Shop, release, stamp};

const MANIFEST: &str = "
metadata: {labels: {app: checkout}}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers: [{name: app, ports: [{name: web, containerPort: 8080}]}]
";

impl Shop {
    fn environment(&self) -> DeploymentEnvironment {
        DeploymentEnvironment::from_yaml(&self.cluster, &self.target, MANIFEST).unwrap()
    }

    async fn edit_deployment(&self, patch: Value) {
        let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        self.api::<Deployment>().patch("checkout-green", &params, &Patch::Strategic(patch)).await.unwrap();
    }

    /// What the controllers of a cluster do about a Deployment: a ReplicaSet, and as many ready pods as are asked for.
    fn roll_out(&self, name: &str) {
        let objects = self.fake.objects("kube-controller-manager");
        let deployment = objects.get("Deployment", "shop", name).unwrap();
        let (spec, replicas) = (&deployment["spec"], &deployment["spec"]["replicas"]);
        let mut template = spec["template"].clone();
        template["metadata"]["labels"]["pod-template-hash"] = json!("h");
        let set = json!({
            "metadata": {"name": format!("{name}-h"), "labels": template["metadata"]["labels"],
                "annotations": {"deployment.kubernetes.io/revision": "1"}, "ownerReferences": [owner(&deployment)]},
            "spec": {"replicas": replicas, "template": template,
                "selector": {"matchLabels": template["metadata"]["labels"]}},
        });
        let set = objects.create("ReplicaSet", "shop", set).unwrap();
        for number in 0..replicas.as_u64().unwrap() {
            let mut spec = template["spec"].clone();
            spec["nodeName"] = json!("node");
            let pod = json!({"metadata": {"generateName": format!("{name}-h-"), "labels": template["metadata"]["labels"],
                "ownerReferences": [owner(&set)]}, "spec": spec});
            let pod = objects.create("Pod", "shop", pod).unwrap();
            let ready = json!({"phase": "Running", "podIP": format!("10.0.0.{number}"),
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
            let pod = pod["metadata"]["name"].as_str().unwrap();
            objects.update_status("Pod", "shop", pod, |pod| pod["status"] = ready).unwrap();
        }
        let status = json!({"observedGeneration": deployment["metadata"]["generation"], "replicas": replicas,
            "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas});
        objects.update_status("Deployment", "shop", name, |it| it["status"] = status).unwrap();
        let status = json!({"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas,
            "availableReplicas": replicas});
        objects.update_status("ReplicaSet", "shop", &format!("{name}-h"), |it| it["status"] = status).unwrap();
    }
}

fn owner(of: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": of["kind"], "name": of["metadata"]["name"], "uid": of["metadata"]["uid"],
        "controller": true})
}

async fn deployed(environment: &DeploymentEnvironment) -> ColorObservation {
    let absent = environment.observe(Color::Green).await.unwrap();
    let (release, stamp) = (release("1"), stamp(1));
    let deploy = Deploy { expect: &absent, fence: Fence::Version, stamp: &stamp, release: &release, replicas: 2 };
    environment.deploy(deploy).await.unwrap()
}

type Watch = BoxStream<'static, Result<ColorObservation, BackendError>>;

/// Follows a color until it is as wanted.
async fn until(
    watch: &mut Watch,
    what: &str,
    wanted: impl Fn(&ColorObservation) -> bool + Send + Sync,
) -> ColorObservation {
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let Ok(seen) = watch.next().await.unwrap()
                && wanted(&seen)
            {
                return seen;
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("it never became {what}"))
}

#[tokio::test(start_paused = true)]
async fn a_color_is_deployed_followed_sealed_and_scaled() {
    let shop = Shop::new();
    let environment = shop.environment();
    let mut watch = environment.watch(Color::Green);
    let created = deployed(&environment).await;
    assert_eq!((created.stamp.clone(), created.release.clone()), (Some(stamp(1)), Some(release("1"))));
    shop.roll_out("checkout-green");
    let ready = until(&mut watch, "ready", |seen| seen.is_ready(&release("1"), 2)).await;
    assert_eq!(ready.endpoints.len(), 2);

    let two = stamp(2);
    let sealed = environment.seal(Seal { expect: &ready, fence: Fence::Stamp, stamp: &two }).await.unwrap();
    assert_eq!((sealed.stamp.as_ref(), sealed.ready), (Some(&two), 2));
    let three = stamp(3);
    let late = Scale { expect: &ready, fence: Fence::Stamp, stamp: &three, replicas: 0, cleanup_after: None };
    let refused = environment.scale(late).await.unwrap_err();
    assert!(refused.to_string().contains("found stamp 1.2/test, 2 replicas"), "{refused}");
    let down = Scale { expect: &sealed, fence: Fence::Stamp, stamp: &three, replicas: 0, cleanup_after: None };
    assert_eq!(environment.scale(down).await.unwrap().desired, 0);
    until(&mut watch, "scaled down", |seen| seen.desired == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_after_it_is_cut_and_its_version_forgotten() {
    let shop = Shop::new();
    let environment = shop.environment();
    deployed(&environment).await;
    let mut watch = environment.watch(Color::Green);
    until(&mut watch, "seen", |seen| seen.exists).await;
    shop.fake.cut_watches();
    shop.roll_out("checkout-green");
    shop.fake.forget_history();
    until(&mut watch, "ready", |seen| seen.is_ready(&release("1"), 2)).await;
}

#[tokio::test(start_paused = true)]
async fn the_preflight_says_what_the_server_and_other_owners_say() {
    let shop = Shop::new();
    let environment = shop.environment();
    let context = PreflightContext {
        target: shop.target.clone(),
        release: release("2"),
        active: Color::Blue,
        standby: Color::Green,
    };
    let check = async |environment: &DeploymentEnvironment| environment.preflights()[0].check(&context).await.unwrap();
    let finding = check(&environment).await;
    assert!(matches!(finding, Finding::Passed { .. }), "{finding:?}");
    assert!(shop.api::<Deployment>().list(&kube::api::ListParams::default()).await.unwrap().items.is_empty());

    deployed(&environment).await;
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "other:1"}]}}}});
    shop.edit_deployment(image).await;
    let Finding::Failed { message } = check(&environment).await else { panic!("not refused") };
    assert!(message.contains("kubectl-edit (spec.template.spec.containers[app].image)"), "{message}");
    let adopting = environment.adopt_existing();
    assert!(matches!(check(&adopting).await, Finding::Warning { .. }));

    // After an adoption, nobody else owns anything in the spec.
    let seen = adopting.observe(Color::Green).await.unwrap();
    let (release, stamp) = (release("2"), stamp(4));
    let deploy = Deploy { expect: &seen, fence: Fence::Version, stamp: &stamp, release: &release, replicas: 1 };
    adopting.deploy(deploy).await.unwrap();
    let live = shop.api::<Deployment>().get("checkout-green").await.unwrap();
    assert!(live.managed_fields().iter().all(|entry| entry.manager.as_deref() != Some("kubectl-edit")), "{live:?}");
    assert!(matches!(check(&adopting).await, Finding::Passed { .. }));
}
