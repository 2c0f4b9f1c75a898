//! Creation and reading, and what is refused.

use serde_json::{Value, json};

use crate::answer::{name, uid, version};
use crate::manifests::{config_map, deployment, service};
use crate::place::Place;

super::cases![
    a_new_object_gets_its_identity,
    what_the_caller_says_about_identity_is_ignored,
    a_second_creation_of_the_same_name_is_refused,
    a_name_can_be_generated,
    an_object_without_a_name_is_refused,
    a_namespace_that_is_missing_is_not_found,
    an_object_that_is_missing_is_not_found,
    a_put_makes_a_lease_and_nothing_else_that_is_missing,
    a_kind_that_is_missing_is_not_found,
    a_namespace_in_the_body_must_be_that_of_the_path,
    a_name_in_the_body_must_be_that_of_the_path,
    a_creation_with_a_version_is_refused,
    an_invalid_name_is_refused,
    an_invalid_deployment_names_every_field,
    a_port_out_of_range_is_refused,
    a_selector_that_does_not_match_its_template_is_refused,
    the_selector_of_a_deployment_is_immutable,
    the_address_of_a_service_is_immutable,
    a_service_gets_its_defaults,
    a_deployment_gets_its_defaults,
    unknown_fields_are_dropped,
    a_field_of_the_wrong_type_is_a_bad_request,
];

async fn a_new_object_gets_its_identity(place: &Place) {
    let made = place.create("configmaps", &config_map("a", json!({"n": "0"}))).await.ok_with(201);
    assert_eq!((&made["apiVersion"], &made["kind"]), (&json!("v1"), &json!("ConfigMap")));
    assert_eq!(made["metadata"]["namespace"], json!(place.namespace));
    let time = made["metadata"]["creationTimestamp"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    assert_eq!(uid(&made).len(), 36);
    assert!(!version(&made).is_empty());
    assert_eq!(place.get("configmaps/a").await.ok_with(200), made);
}

async fn what_the_caller_says_about_identity_is_ignored(place: &Place) {
    let mut asked = config_map("a", json!({}));
    asked["metadata"]["uid"] = json!("mine");
    asked["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    asked["metadata"]["selfLink"] = json!("/mine");
    let made = place.create("configmaps", &asked).await.ok();
    assert_ne!(uid(&made), "mine");
    assert_ne!(made["metadata"]["creationTimestamp"], "2001-01-01T00:00:00Z");
    assert_eq!(made["metadata"].get("selfLink"), None);
}

async fn a_second_creation_of_the_same_name_is_refused(place: &Place) {
    let made = place.create("deployments", &deployment(0)).await.ok();
    let details = place.create("deployments", &deployment(1)).await.refused(
        409,
        "AlreadyExists",
        "deployments.apps \"web\" already exists",
    );
    assert_eq!(details, json!({"name": "web", "group": "apps", "kind": "deployments"}));
    assert_eq!(place.get("deployments/web").await.ok()["metadata"]["uid"], made["metadata"]["uid"]);
}

async fn a_name_can_be_generated(place: &Place) {
    let asked = json!({"metadata": {"generateName": "job-"}});
    let (one, two) = (place.create("configmaps", &asked).await.ok(), place.create("configmaps", &asked).await.ok());
    assert_ne!(name(&one), name(&two));
    for made in [one, two] {
        assert!(name(&made).starts_with("job-") && name(&made).len() == "job-".len() + 5, "{}", name(&made));
        assert_eq!(made["metadata"]["generateName"], "job-");
    }
}

async fn an_object_without_a_name_is_refused(place: &Place) {
    let details = place.create("configmaps", &json!({"metadata": {}})).await.refused(
        422,
        "Invalid",
        "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required",
    );
    assert_eq!(details["causes"][0]["field"], "metadata.name");
}

async fn a_namespace_that_is_missing_is_not_found(place: &Place) {
    let details = place.create("/namespaces/missing/configmaps", &config_map("a", json!({}))).await.refused(
        404,
        "NotFound",
        "namespaces \"missing\" not found",
    );
    assert_eq!(details, json!({"name": "missing", "kind": "namespaces"}));
    let list = place.get("/namespaces/missing/configmaps").await.ok();
    assert_eq!(list["items"], json!([]));
}

async fn an_object_that_is_missing_is_not_found(place: &Place) {
    let details = place.get("services/checkout").await.refused(404, "NotFound", "services \"checkout\" not found");
    assert_eq!(details, json!({"name": "checkout", "kind": "services"}));
    let details = place.get("deployments/web").await.refused(404, "NotFound", "deployments.apps \"web\" not found");
    assert_eq!(details, json!({"name": "web", "group": "apps", "kind": "deployments"}));
}

async fn a_put_makes_a_lease_and_nothing_else_that_is_missing(place: &Place) {
    let lease = json!({"metadata": {"name": "lock"}, "spec": {"holderIdentity": "one"}});
    place.put("leases/lock", &lease).await.ok_with(201);
    let answer = place.put("configmaps/a", &config_map("a", json!({}))).await;
    answer.refused(404, "NotFound", "configmaps \"a\" not found");
}

async fn a_kind_that_is_missing_is_not_found(place: &Place) {
    place.get("gadgets").await.refused(404, "NotFound", "the server could not find the requested resource");
}

async fn a_namespace_in_the_body_must_be_that_of_the_path(place: &Place) {
    let mut object = config_map("a", json!({}));
    object["metadata"]["namespace"] = json!("other");
    place.create("configmaps", &object).await.refused(
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    );
}

async fn a_name_in_the_body_must_be_that_of_the_path(place: &Place) {
    place.create("configmaps", &config_map("a", json!({}))).await.ok();
    place.put("configmaps/a", &config_map("b", json!({}))).await.refused(
        400,
        "BadRequest",
        "the name of the object (b) does not match the name on the URL (a)",
    );
}

async fn a_creation_with_a_version_is_refused(place: &Place) {
    let mut object = config_map("a", json!({}));
    object["metadata"]["resourceVersion"] = json!("1");
    let answer = place.create("configmaps", &object).await;
    let message = json!("resourceVersion should not be set on objects to be created");
    assert_eq!((answer.code, &answer.body["message"], answer.body.get("reason")), (500, &message, None));
}

async fn an_invalid_name_is_refused(place: &Place) {
    let details = place.create("configmaps", &config_map("A_b", json!({}))).await.refused(
        422,
        "Invalid",
        "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist \
         of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
         'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    );
    assert_eq!(details["causes"][0]["reason"], "FieldValueInvalid");
}

async fn an_invalid_deployment_names_every_field(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["replicas"] = json!(-1);
    web["spec"]["template"]["spec"]["containers"] = json!([{"name": "app"}]);
    let answer = place.create("deployments", &web).await;
    let message = "Deployment.apps \"web\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to \
                   0, spec.template.spec.containers[0].image: Required value]";
    let details = answer.refused(422, "Invalid", message);
    assert_eq!(
        details,
        json!({
            "name": "web", "group": "apps", "kind": "Deployment",
            "causes": [
                {
                    "reason": "FieldValueInvalid", "field": "spec.replicas",
                    "message": "Invalid value: -1: must be greater than or equal to 0",
                },
                {
                    "reason": "FieldValueRequired", "field": "spec.template.spec.containers[0].image",
                    "message": "Required value",
                },
            ],
        })
    );
}

async fn a_port_out_of_range_is_refused(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 99999}]);
    let field = "spec.template.spec.containers[0].ports[0].containerPort";
    let message = format!(
        "Deployment.apps \"web\" is invalid: {field}: Invalid value: 99999: must be between 1 and 65535, inclusive"
    );
    let details = place.create("deployments", &web).await.refused(422, "Invalid", &message);
    assert_eq!(details["causes"][0]["field"], field);
}

async fn a_selector_that_does_not_match_its_template_is_refused(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let details = place.create("deployments", &web).await.refused(
        422,
        "Invalid",
        "Deployment.apps \"web\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: \
         `selector` does not match template `labels`",
    );
    assert_eq!(details["causes"][0]["field"], "spec.template.metadata.labels");
}

async fn the_selector_of_a_deployment_is_immutable(place: &Place) {
    place.create("deployments", &deployment(0)).await.ok();
    let labels = json!({"app": "web", "tier": "front"});
    let patch = json!({"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}});
    let details = place.merge("deployments/web", &patch).await.refused(
        422,
        "Invalid",
        "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"tier\":\
         \"front\"}}: field is immutable",
    );
    assert_eq!(details["causes"][0]["field"], "spec.selector");
}

async fn the_address_of_a_service_is_immutable(place: &Place) {
    place.create("services", &service()).await.ok();
    let answer = place.merge("services/checkout", &json!({"spec": {"clusterIP": "10.96.200.200"}})).await;
    assert_eq!((answer.code, &answer.body["reason"]), (422, &json!("Invalid")), "{answer:?}");
    assert_eq!(answer.body["details"]["causes"][0]["field"], "spec.clusterIPs[0]");
}

async fn a_service_gets_its_defaults(place: &Place) {
    let asked = json!({"metadata": {"name": "checkout"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}});
    let mut made = place.create("services", &asked).await.ok();
    let address = made["spec"]["clusterIP"].as_str().unwrap().to_owned();
    assert!(address.parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
    made["spec"]["clusterIP"] = json!("10.96.0.99");
    assert_eq!(made["spec"]["clusterIPs"], json!([address]));
    made["spec"]["clusterIPs"] = json!([]);
    assert_eq!(
        made["spec"],
        json!({
            "clusterIP": "10.96.0.99", "clusterIPs": [], "type": "ClusterIP", "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}], "selector": {"a": "b"},
        })
    );
    assert_eq!(made["status"], json!({"loadBalancer": {}}));
    let other = json!({"metadata": {"name": "other"}, "spec": {"ports": [{"port": 80}]}});
    assert_ne!(place.create("services", &other).await.ok()["spec"]["clusterIP"], json!(address));
    let headless = json!({"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "selector": {"a": "b"}}});
    let headless = place.create("services", &headless).await.ok();
    assert_eq!((&headless["spec"]["clusterIP"], &headless["spec"]["clusterIPs"]), (&json!("None"), &json!(["None"])));
}

async fn a_deployment_gets_its_defaults(place: &Place) {
    let asked = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
                "name": "app", "image": "registry.test/app:1", "ports": [{"containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
            }]}},
        },
    });
    let made = place.create("deployments", &asked).await.ok();
    assert_eq!(
        made["spec"],
        json!({
            "replicas": 0, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "containers": [{
                    "name": "app", "image": "registry.test/app:1", "imagePullPolicy": "IfNotPresent", "resources": {},
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "readinessProbe": {
                        "httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1,
                        "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
                    },
                }],
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": {}, "terminationGracePeriodSeconds": 30,
            }},
        })
    );
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["status"], json!({}));
    let mut one = deployment(0);
    one["metadata"]["name"] = json!("one");
    one["spec"].as_object_mut().unwrap().remove("replicas");
    one["spec"]["strategy"] = json!({"type": "Recreate"});
    one["spec"]["template"]["spec"]["containers"][0] = json!({"name": "app", "image": "app:latest"});
    let made = place.create("deployments", &one).await.ok();
    assert_eq!((&made["spec"]["replicas"], &made["spec"]["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
    assert_eq!(made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always");
}

async fn unknown_fields_are_dropped(place: &Place) {
    let mut asked = config_map("a", json!({"n": "0"}));
    asked["surprise"] = json!({"a": 1});
    let made = place.create("configmaps", &asked).await.ok();
    assert_eq!(made.get("surprise"), None);
}

async fn a_field_of_the_wrong_type_is_a_bad_request(place: &Place) {
    let mut web = deployment(0);
    web["spec"]["replicas"] = json!("three");
    let answer = place.create("deployments", &web).await;
    assert_eq!((answer.code, &answer.body["reason"]), (400, &json!("BadRequest")), "{answer:?}");
    assert!(matches!(&answer.body["message"], Value::String(text) if text.contains("spec.replicas")), "{answer:?}");
}
