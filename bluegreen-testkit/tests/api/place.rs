//! A namespace on a server, and requests to it.

use std::time::Duration;

use bluegreen_testkit::Behavior;
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, items, name, version};
use crate::server::Server;
use crate::watch::{Lines, Watch};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(90);

/// A namespace of its own on one of the servers.
///
/// Resources are named as in `services`, `services/checkout`, `deployments/web/scale` or
/// `pods?labelSelector=app=checkout`; what doesn't lie in the namespace starts with a slash, as in `/namespaces/other`.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    client: Client,
    pub(crate) server: Server,
}

impl Place {
    pub(crate) const fn new(server: Server, client: Client, namespace: String) -> Self {
        Self { namespace, client, server }
    }

    /// The same place with the eyes of `user`, who may do what `rules` of RBAC allow.
    pub(crate) async fn as_user(&self, user: &str, rules: Value) -> Self {
        self.through(self.server.client_as(self, user, &rules).await)
    }

    /// The same place, asked through another client.
    pub(crate) fn through(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// Waits until the server has heard of a rule for this user.
    pub(crate) async fn until_allowed(&self, rule: &Value) {
        let (resource, subresource) = rule["resources"][0].as_str().unwrap().split_once('/').unzip();
        let resource = resource.map_or_else(|| rule["resources"][0].clone(), |resource| json!(resource));
        let review = json!({"spec": {"resourceAttributes": {
            "namespace": self.namespace, "verb": rule["verbs"][0], "group": rule["apiGroups"][0],
            "resource": resource, "subresource": subresource, "name": rule["resourceNames"][0],
        }}});
        let deadline = Instant::now() + PATIENCE;
        while self.create("/selfsubjectaccessreviews", &review).await.ok()["status"]["allowed"] != true {
            assert!(Instant::now() < deadline, "never allowed: {rule:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The fake's pods with these labels never get ready. The real ones don't either: their manifests see to it, as they
    /// do for what follows.
    pub(crate) fn never_ready(&self, labels: &str) {
        self.behave(labels, Behavior::never_ready());
    }

    /// The fake's pods with these labels end badly whenever they are started.
    pub(crate) fn crashing(&self, labels: &str) {
        self.behave(labels, Behavior::crashing_after(Duration::ZERO));
    }

    fn behave(&self, labels: &str, behavior: Behavior) {
        if let Some(fake) = self.server.fake() {
            fake.pods_labeled(labels, behavior);
        }
    }

    /// The fake has no such image.
    pub(crate) fn image_missing(&self, image: &str) {
        if let Some(fake) = self.server.fake() {
            fake.pods(image, Behavior::image_missing());
        }
    }

    pub(crate) async fn get(&self, resource: &str) -> Answer {
        self.send(Method::GET, resource, None).await
    }

    pub(crate) async fn create(&self, resource: &str, object: &Value) -> Answer {
        self.send(Method::POST, resource, Some(("application/json", object))).await
    }

    pub(crate) async fn put(&self, resource: &str, object: &Value) -> Answer {
        self.send(Method::PUT, resource, Some(("application/json", object))).await
    }

    pub(crate) async fn delete(&self, resource: &str) -> Answer {
        self.send(Method::DELETE, resource, None).await
    }

    pub(crate) async fn delete_with(&self, resource: &str, options: &Value) -> Answer {
        self.send(Method::DELETE, resource, Some(("application/json", options))).await
    }

    pub(crate) async fn merge(&self, resource: &str, patch: &Value) -> Answer {
        self.send(Method::PATCH, resource, Some(("application/merge-patch+json", patch))).await
    }

    pub(crate) async fn json_patch(&self, resource: &str, patch: &Value) -> Answer {
        self.send(Method::PATCH, resource, Some(("application/json-patch+json", patch))).await
    }

    pub(crate) async fn strategic(&self, resource: &str, patch: &Value) -> Answer {
        self.send(Method::PATCH, resource, Some(("application/strategic-merge-patch+json", patch))).await
    }

    /// A server-side apply in the name of `manager`.
    pub(crate) async fn apply(&self, resource: &str, manager: &str, object: &Value) -> Answer {
        let with_manager = with(resource, &format!("fieldManager={manager}"));
        self.send(Method::PATCH, &with_manager, Some(("application/apply-patch+yaml", object))).await
    }

    /// As [`apply`](Self::apply), taking over what others own.
    pub(crate) async fn force(&self, resource: &str, manager: &str, object: &Value) -> Answer {
        self.apply(&with(resource, "force=true"), manager, object).await
    }

    /// Any request, answered to the end.
    pub(crate) async fn send(&self, method: Method, resource: &str, body: Option<(&str, &Value)>) -> Answer {
        self.send_as("bluegreen-api-suite", method, resource, body).await
    }

    /// As [`send`](Self::send), by a program that calls itself `agent`.
    pub(crate) async fn send_as(
        &self,
        agent: &str,
        method: Method,
        resource: &str,
        body: Option<(&str, &Value)>,
    ) -> Answer {
        let (code, body) = self.open(agent, method, resource, body).await;
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Answer { code, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
    }

    /// Watches a collection, from a resourceVersion if the query has one.
    pub(crate) async fn watch(&self, resource: &str) -> Watch {
        Watch(self.lines(&with(resource, "watch=true")).await)
    }

    /// Reads an answer line by line.
    pub(crate) async fn lines(&self, resource: &str) -> Lines {
        let (code, body) = self.open("bluegreen-api-suite", Method::GET, resource, None).await;
        if code != 200 {
            let body = body.collect().await.unwrap().to_bytes();
            panic!("{code} {}", String::from_utf8_lossy(&body));
        }
        Lines::new(body)
    }

    async fn open(&self, agent: &str, method: Method, resource: &str, body: Option<(&str, &Value)>) -> (u16, Body) {
        let mut request = Request::builder().method(method).uri(self.path(resource)).header("user-agent", agent);
        let mut bytes = Vec::new();
        if let Some((kind, value)) = body {
            request = request.header("content-type", kind);
            bytes = serde_json::to_vec(value).unwrap();
        }
        let response = self.client.send(request.body(Body::from(bytes)).unwrap()).await.unwrap();
        (response.status().as_u16(), response.into_body())
    }

    /// Follows the collection or object `resource` until `wanted` is true of its items, and returns them.
    pub(crate) async fn until(
        &self,
        resource: &str,
        what: &str,
        wanted: impl Fn(&[Value]) -> bool + Send + Sync,
    ) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let list = self.get(resource).await.ok();
        let mut current = items(&list).to_vec();
        let from = format!("resourceVersion={}", version(&list));
        let mut watch = self.watch(&with(resource, &from)).await;
        while !wanted(&current) {
            let Ok(event) = timeout_at(deadline, watch.next()).await else {
                panic!("{resource} never became {what}: {:#}", json!(current));
            };
            let event = event.unwrap_or_else(|| panic!("the watch of {resource} ended"));
            current.retain(|item| name(item) != name(&event["object"]));
            match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => current.push(event["object"].clone()),
                Some("DELETED") => {}
                _ => panic!("{event:#}"),
            }
            current.sort_by_key(name);
        }
        current
    }

    /// Follows one object until `wanted` is true of it, and returns it.
    pub(crate) async fn until_one(
        &self,
        resource: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool + Send + Sync,
    ) -> Value {
        let (collection, name) = resource.split_once('/').unwrap();
        let one = format!("{collection}?fieldSelector=metadata.name={name}");
        let found = self.until(&one, what, |items| items.first().is_some_and(&wanted)).await;
        found.into_iter().next().unwrap()
    }

    fn path(&self, resource: &str) -> String {
        let (at, resource) = match resource.strip_prefix('/') {
            Some(resource) => (String::new(), resource),
            None => (format!("namespaces/{}/", self.namespace), resource),
        };
        let plural = resource.split(['/', '?']).next().unwrap_or_default();
        format!("{}/{at}{}", group_of(plural), resource.replace(' ', "%20"))
    }
}

/// Adds to the query of a resource.
pub(crate) fn with(resource: &str, query: &str) -> String {
    let joint = if resource.contains('?') { '&' } else { '?' };
    format!("{resource}{joint}{query}")
}

fn group_of(plural: &str) -> &'static str {
    match plural {
        "deployments" | "replicasets" => "/apis/apps/v1",
        "jobs" => "/apis/batch/v1",
        "endpointslices" => "/apis/discovery.k8s.io/v1",
        "horizontalpodautoscalers" => "/apis/autoscaling/v2",
        "leases" => "/apis/coordination.k8s.io/v1",
        "poddisruptionbudgets" => "/apis/policy/v1",
        "ingresses" => "/apis/networking.k8s.io/v1",
        "roles" | "rolebindings" => "/apis/rbac.authorization.k8s.io/v1",
        "selfsubjectaccessreviews" => "/apis/authorization.k8s.io/v1",
        _ => "/api/v1",
    }
}
