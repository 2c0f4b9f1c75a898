//! Who may do what.

use bluegreen_testkit::{AccessRule, FakeCluster};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use crate::{api, config_map, create_map, from, refusal};

async fn may(client: &kube::Client, verb: &str, resource: &str) -> bool {
    let review = json!({"spec": {"resourceAttributes": {"namespace": "shop", "verb": verb, "resource": resource}}});
    let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
    reviews.create(&PostParams::default(), &from(review)).await.unwrap().status.unwrap().allowed
}

#[tokio::test(start_paused = true)]
async fn a_user_is_refused_what_no_rule_allows() {
    let cluster = FakeCluster::api_only();
    create_map(&cluster, "a", json!({})).await;
    let client = cluster.client_as("bob", [AccessRule::new(["get"], "", ["configmaps"]).named(["a"])], "shop");
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    assert!(maps.get("a").await.is_ok());
    let status = refusal(maps.list(&ListParams::default()).await);
    assert_eq!(
        status.message,
        "configmaps is forbidden: User \"bob\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"shop\""
    );
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    assert!(!may(&client, "list", "configmaps").await);
    assert!(may(&cluster.client("shop"), "list", "configmaps").await);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_bound_to_a_user_counts() {
    let cluster = FakeCluster::api_only();
    let client = cluster.client_as("bob", [], "shop");
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    assert_eq!(refusal(maps.create(&PostParams::default(), &config_map("a", json!({}))).await).code, 403);
    let role = json!({"metadata": {"name": "r"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]});
    api::<Role>(&cluster).create(&PostParams::default(), &from(role)).await.unwrap();
    let binding = json!({"metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}]});
    api::<RoleBinding>(&cluster).create(&PostParams::default(), &from(binding)).await.unwrap();
    assert!(may(&client, "create", "configmaps").await && !may(&client, "get", "configmaps").await);
    maps.create(&PostParams::default(), &config_map("a", json!({}))).await.unwrap();
}
