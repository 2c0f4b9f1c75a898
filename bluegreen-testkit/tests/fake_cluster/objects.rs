//! Making, reading and replacing.

use bluegreen_testkit::FakeCluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::{api, config_map, create_deployment, create_map, create_pod, create_service, from, refusal};

#[tokio::test(start_paused = true)]
async fn the_same_calls_make_the_same_objects() {
    let mut made = Vec::new();
    for _ in 0..2 {
        let cluster = FakeCluster::api_only();
        tokio::time::advance(std::time::Duration::from_secs(90)).await;
        let service = create_service(&cluster).await;
        let generated = json!({"metadata": {"generateName": "pod-"}, "data": {"a": "b"}});
        let map: ConfigMap = api(&cluster).create(&PostParams::default(), &from(generated)).await.unwrap();
        assert!(map.name_any().starts_with("pod-") && map.name_any().len() == 9, "{}", map.name_any());
        made.push(json!([service, map]));
    }
    assert_eq!(made[0], made[1]);
    let metadata = &made[0][0]["metadata"];
    assert_eq!(metadata["creationTimestamp"], "2026-01-01T00:01:30Z");
    assert_eq!(metadata["managedFields"][0]["time"], "2026-01-01T00:01:30Z");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_tests_the_version_if_it_names_one() {
    let cluster = FakeCluster::api_only();
    let first = create_map(&cluster, "a", json!({"k": "1"})).await;
    let maps = api::<ConfigMap>(&cluster);
    let params = PostParams::default();
    let second = maps.replace("a", &params, &config_map("a", json!({"k": "2"}))).await.unwrap();
    assert_ne!(first.resource_version(), second.resource_version());

    let status = refusal(maps.replace("a", &params, &first).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the \
         latest version and try again"
    );
    // The same again is no change.
    let again = maps.replace("a", &params, &second).await.unwrap();
    assert_eq!(again.resource_version(), second.resource_version());
    assert_eq!(refusal(maps.replace("b", &params, &config_map("b", json!({}))).await).code, 404);
    assert_eq!(refusal(maps.create(&params, &config_map("a", json!({}))).await).reason, "AlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn the_generation_of_a_deployment_grows_with_its_spec_and_annotations() {
    let cluster = FakeCluster::api_only();
    let mut deployment = create_deployment(&cluster, "checkout").await;
    let deployments = api::<Deployment>(&cluster);
    assert_eq!(deployment.metadata.generation, Some(1));
    let mut seen = Vec::new();
    for change in ["labels", "annotations", "spec"] {
        match change {
            "labels" => deployment.labels_mut().insert("a".into(), "b".into()).map_or((), drop),
            "annotations" => deployment.annotations_mut().insert("a".into(), "b".into()).map_or((), drop),
            _ => deployment.spec.as_mut().unwrap().replicas = Some(5),
        }
        deployment = deployments.replace("checkout", &PostParams::default(), &deployment).await.unwrap();
        seen.push((change, deployment.metadata.generation.unwrap()));
    }
    assert_eq!(seen, [("labels", 1), ("annotations", 2), ("spec", 3)]);
    assert_eq!(create_service(&cluster).await.metadata.generation, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_invalid_is_refused_with_its_causes() {
    let cluster = FakeCluster::api_only();
    let params = PostParams::default();
    let services = api::<Service>(&cluster);
    let bad = json!({"metadata": {"name": "bad"}, "spec": {"ports": [{"port": 80}, {"port": 81}]}});
    let status = refusal(services.create(&params, &from(bad)).await);
    assert_eq!(
        status.message,
        "Service \"bad\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]"
    );
    assert_eq!(status.details.unwrap().causes.len(), 2);

    let mut deployment = create_deployment(&cluster, "checkout").await;
    deployment.spec.as_mut().unwrap().selector.match_labels.as_mut().unwrap().insert("color".into(), "blue".into());
    let status = refusal(api::<Deployment>(&cluster).replace("checkout", &params, &deployment).await);
    assert!(status.message.contains("`selector` does not match template `labels`"), "{}", status.message);
    assert!(status.message.contains("spec.selector: Invalid value: "), "{}", status.message);
    assert!(status.message.ends_with("field is immutable]"), "{}", status.message);

    let elsewhere = Api::<ConfigMap>::namespaced(cluster.client("shop"), "nowhere");
    let status = refusal(elsewhere.create(&params, &config_map("a", json!({}))).await);
    assert_eq!(status.message, "namespaces \"nowhere\" not found");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_as_if_and_stores_nothing() {
    let cluster = FakeCluster::api_only();
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let tried = api::<ConfigMap>(&cluster).create(&dry, &config_map("a", json!({}))).await.unwrap();
    assert!(tried.uid().is_some() && tried.resource_version().is_none());
    assert!(api::<ConfigMap>(&cluster).get_opt("a").await.unwrap().is_none());
    let made = create_map(&cluster, "a", json!({"k": "1"})).await;
    assert_eq!(made.uid(), tried.uid(), "the try used nothing up");
    let tried = api::<ConfigMap>(&cluster).replace("a", &dry, &config_map("a", json!({"k": "2"}))).await.unwrap();
    assert_eq!(
        (tried.data.unwrap()["k"].as_str(), &tried.metadata.resource_version),
        ("2", &made.metadata.resource_version)
    );
    assert_eq!(api::<ConfigMap>(&cluster).get("a").await.unwrap(), made);
    let status = refusal(api::<ConfigMap>(&cluster).create(&dry, &config_map("a", json!({}))).await);
    assert_eq!(status.reason, "AlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn lists_are_selected_and_paged() {
    let cluster = FakeCluster::api_only();
    for name in ["a", "b", "c", "d", "e"] {
        create_map(&cluster, name, json!({})).await;
    }
    let maps = api::<ConfigMap>(&cluster);
    let first = maps.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    maps.delete("c", &kube::api::DeleteParams::default()).await.unwrap();
    create_map(&cluster, "cc", json!({})).await;
    // The pages are of one moment.
    let token = first.metadata.continue_.clone().unwrap();
    let rest = maps.list(&ListParams::default().limit(10).continue_token(&token)).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&rest.items).map(ResourceExt::name_any).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert_eq!(rest.metadata.resource_version, first.metadata.resource_version);
    cluster.forget_history();
    let status = refusal(maps.list(&ListParams::default().continue_token(&token)).await);
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));

    create_pod(&cluster, "one").await;
    let other = json!({"metadata": {"name": "two"}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}});
    api::<Pod>(&cluster).create(&PostParams::default(), &from(other)).await.unwrap();
    let pods = api::<Pod>(&cluster);
    let names = async |params: ListParams| -> Vec<String> {
        pods.list(&params).await.unwrap().items.iter().map(ResourceExt::name_any).collect()
    };
    assert_eq!(names(ListParams::default().labels("app in (checkout)")).await, ["one"]);
    assert_eq!(names(ListParams::default().labels("!app")).await, ["two"]);
    assert_eq!(names(ListParams::default().fields("spec.nodeName=node")).await, ["one"]);
    assert_eq!(names(ListParams::default().fields("status.phase=Pending,metadata.name!=one")).await, ["two"]);
}

#[tokio::test(start_paused = true)]
async fn routes_of_the_gateway_api_are_objects_too() {
    let cluster = FakeCluster::api_only();
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let routes: Api<DynamicObject> =
        Api::default_namespaced_with(cluster.client("shop"), &ApiResource::from_gvk(&kind));
    let route = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"},
        "spec": {"rules": [{"backendRefs": [{"name": "blue", "port": 80, "weight": 1}]}]}});
    let made = routes.create(&PostParams::default(), &from(route)).await.unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    assert_eq!(made.types.unwrap().kind, "HTTPRoute");
    assert_eq!(routes.list(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn controllers_write_under_the_same_rules() {
    let cluster = FakeCluster::api_only();
    create_deployment(&cluster, "checkout").await;
    let objects = cluster.objects("kube-controller-manager");
    let mut changes = objects.subscribe();
    let before = *changes.borrow_and_update();
    let changed = objects
        .update_status("Deployment", "shop", "checkout", |deployment| {
            deployment["status"]["observedGeneration"] = json!(1);
            deployment["spec"]["replicas"] = json!(7);
        })
        .unwrap();
    assert_eq!((&changed["spec"]["replicas"], &changed["metadata"]["generation"]), (&json!(2), &json!(1)));
    changes.changed().await.unwrap();
    assert_eq!(*changes.borrow_and_update(), before + 1);

    let stale = objects.get("Deployment", "shop", "checkout").unwrap();
    objects.update("Deployment", "shop", "checkout", |it| it["spec"]["replicas"] = json!(3)).unwrap();
    let error = objects.update("Deployment", "shop", "checkout", |it| *it = stale).unwrap_err();
    assert_eq!((error.code(), error.reason()), (409, "Conflict"));
    let entries = objects.get("Deployment", "shop", "checkout").unwrap()["metadata"]["managedFields"].clone();
    let managers: Vec<(&Value, &Value)> =
        entries.as_array().unwrap().iter().map(|entry| (&entry["manager"], &entry["subresource"])).collect();
    let ours = json!("kube-controller-manager");
    assert!(managers.contains(&(&ours, &json!("status"))) && managers.contains(&(&ours, &Value::Null)), "{managers:?}");
    assert_eq!(objects.list("Deployment", "").len(), 1);
    assert!(objects.create("Nonsense", "shop", json!({})).is_err());
    let namespaces = Api::<Namespace>::all(cluster.client("shop")).list(&ListParams::default()).await.unwrap();
    assert_eq!(namespaces.items.len(), 2);
}
