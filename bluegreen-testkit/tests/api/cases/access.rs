//! Who may do what.

use serde_json::{Value, json};

use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    what_is_allowed_is_done,
    a_refusal_names_user_verb_and_resource,
    a_list_and_a_watch_are_verbs_of_their_own,
    a_subresource_is_a_resource_of_its_own,
    a_rule_may_name_its_objects,
    an_apply_that_creates_takes_two_verbs,
    a_refused_write_changes_nothing,
    whoever_asks_is_told,
];

const USER: &str = "sdk";

fn rule(group: &str, resources: Value, verbs: Value) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn cannot(verb: &str, resource: &str, group: &str, place: &Place) -> String {
    let namespace = &place.namespace;
    format!(
        "User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" in the namespace \"{namespace}\""
    )
}

async fn what_is_allowed_is_done(place: &Place) {
    place.create("services", &service()).await.ok();
    let rules = json!([rule("", json!(["services"]), json!(["get", "patch"]))]);
    let user = place.as_user(USER, rules).await;
    user.get("services/checkout").await.ok();
    user.merge("services/checkout", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    let anything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let user = place.as_user("other", anything).await;
    user.create("deployments", &deployment(0)).await.ok();
}

async fn a_refusal_names_user_verb_and_resource(place: &Place) {
    place.create("services", &service()).await.ok();
    let user = place.as_user(USER, json!([rule("", json!(["services"]), json!(["get"]))])).await;
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    let details = user.merge("services/checkout", &patch).await.refused(
        403,
        "Forbidden",
        &format!("services \"checkout\" is forbidden: {}", cannot("patch", "services", "", place)),
    );
    assert_eq!(details, json!({"name": "checkout", "kind": "services"}));
    let details = user.get("deployments/web").await.refused(
        403,
        "Forbidden",
        &format!("deployments.apps \"web\" is forbidden: {}", cannot("get", "deployments", "apps", place)),
    );
    assert_eq!(details, json!({"name": "web", "group": "apps", "kind": "deployments"}));
    user.create("configmaps", &config_map("a", json!({}))).await.refused(
        403,
        "Forbidden",
        &format!("configmaps is forbidden: {}", cannot("create", "configmaps", "", place)),
    );
    let message = format!(
        "services is forbidden: User \"{USER}\" cannot list resource \"services\" in API group \"\" at the cluster scope"
    );
    user.get("/services").await.refused(403, "Forbidden", &message);
}

async fn a_list_and_a_watch_are_verbs_of_their_own(place: &Place) {
    let user = place.as_user(USER, json!([rule("", json!(["pods"]), json!(["get", "list"]))])).await;
    user.get("pods").await.ok();
    user.get("pods?watch=true").await.refused(
        403,
        "Forbidden",
        &format!("pods is forbidden: {}", cannot("watch", "pods", "", place)),
    );
    user.delete("pods").await.refused(
        403,
        "Forbidden",
        &format!("pods is forbidden: {}", cannot("deletecollection", "pods", "", place)),
    );
}

async fn a_subresource_is_a_resource_of_its_own(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let user = place.as_user(USER, json!([rule("apps", json!(["deployments"]), json!(["get", "patch"]))])).await;
    user.get("deployments/web").await.ok();
    user.get("deployments/web/scale").await.refused(
        403,
        "Forbidden",
        &format!("deployments.apps \"web\" is forbidden: {}", cannot("get", "deployments/scale", "apps", place)),
    );
    let user = place.as_user("scaler", json!([rule("apps", json!(["deployments/scale"]), json!(["patch"]))])).await;
    user.merge("deployments/web/scale", &json!({"spec": {"replicas": 0}})).await.ok();
}

async fn a_rule_may_name_its_objects(place: &Place) {
    place.create("services", &service()).await.ok();
    let mut rule = rule("", json!(["services"]), json!(["get", "list", "watch", "create"]));
    rule["resourceNames"] = json!(["checkout"]);
    let user = place.as_user(USER, json!([rule])).await;
    user.get("services/checkout").await.ok();
    let message = format!("services \"other\" is forbidden: {}", cannot("get", "services", "", place));
    user.get("services/other").await.refused(403, "Forbidden", &message);
    let message = format!("services is forbidden: {}", cannot("list", "services", "", place));
    user.get("services").await.refused(403, "Forbidden", &message);
    user.get("services?fieldSelector=metadata.name=checkout").await.ok();
    // What isn't there yet has no name to allow.
    let message = format!("services is forbidden: {}", cannot("create", "services", "", place));
    user.create("services", &service()).await.refused(403, "Forbidden", &message);
}

async fn an_apply_that_creates_takes_two_verbs(place: &Place) {
    let user = place.as_user(USER, json!([rule("", json!(["configmaps"]), json!(["patch"]))])).await;
    let message = format!("configmaps \"a\" is forbidden: {}", cannot("create", "configmaps", "", place));
    user.apply("configmaps/a", "one", &config_map("a", json!({}))).await.refused(403, "Forbidden", &message);
    place.create("configmaps", &config_map("a", json!({}))).await.ok();
    user.apply("configmaps/a", "one", &config_map("a", json!({"n": "0"}))).await.ok();
}

async fn a_refused_write_changes_nothing(place: &Place) {
    let made = place.create("services", &service()).await.ok();
    let user = place.as_user(USER, json!([rule("", json!(["services"]), json!(["get"]))])).await;
    assert_eq!(user.delete("services/checkout").await.code, 403);
    assert_eq!(user.put("services/checkout", &made).await.code, 403);
    assert_eq!(user.get("services/checkout").await.ok(), made);
}

async fn whoever_asks_is_told(place: &Place) {
    let rules = json!([rule("apps", json!(["deployments", "deployments/scale"]), json!(["get", "patch"]))]);
    let user = place.as_user(USER, rules).await;
    let allowed = async |attributes: Value| {
        let mut attributes = attributes;
        attributes["namespace"] = json!(place.namespace);
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let answer = user.create("/selfsubjectaccessreviews", &review).await.ok_with(201);
        assert_eq!(answer["spec"]["resourceAttributes"], attributes);
        answer["status"]["allowed"].as_bool().unwrap()
    };
    for (attributes, expected) in [
        (json!({"verb": "get", "group": "apps", "resource": "deployments"}), true),
        (json!({"verb": "get", "group": "apps", "resource": "deployments", "name": "web"}), true),
        (json!({"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale"}), true),
        (json!({"verb": "create", "group": "apps", "resource": "deployments"}), false),
        (json!({"verb": "get", "group": "apps", "resource": "deployments", "subresource": "status"}), false),
        (json!({"verb": "get", "resource": "deployments"}), false),
        (json!({"verb": "get", "resource": "secrets", "name": "a"}), false),
    ] {
        assert_eq!(allowed(attributes.clone()).await, expected, "{attributes}");
    }
}
