//! The application that the cases deploy.

use bluegreen_core::{Color, Release};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

/// The port that the application listens on.
pub(crate) const PORT: u16 = 8080;

/// One release of the test application, and how it behaves.
///
/// All tags of the image are the same program, so what makes one release differ from another stands in the manifest.
#[derive(Debug, Clone)]
pub(crate) struct App {
    number: u32,
    start_as: String,
    image: Option<String>,
    ready_path: String,
}

impl App {
    /// Release `v<number>`, which behaves well.
    pub(crate) fn v(number: u32) -> Self {
        Self { number, start_as: String::new(), image: None, ready_path: "/ready".to_owned() }
    }

    /// The modes to start in, as in `fail-after:10s`.
    pub(crate) fn starting_as(mut self, modes: &str) -> Self {
        self.start_as = modes.to_owned();
        self
    }

    /// Another image than the one that the cluster has.
    pub(crate) fn image(mut self, image: &str) -> Self {
        self.image = Some(image.to_owned());
        self
    }

    /// What the kubelet asks for; a path that the application doesn't know never becomes ready.
    pub(crate) fn ready_path(mut self, path: &str) -> Self {
        self.ready_path = path.to_owned();
        self
    }

    /// As the header `x-version` tells it.
    pub(crate) fn version(&self) -> String {
        format!("v{}", self.number)
    }

    pub(crate) fn release(&self, repository: &str) -> Release {
        let tag = (self.number - 1) % 4 + 1;
        Release {
            version: self.version(),
            artifact: Some(self.image.clone().unwrap_or_else(|| format!("{repository}:v{tag}"))),
            configuration: Some(format!("{} {} {}", self.version(), self.start_as, self.ready_path)),
        }
    }

    /// What both colors are made from.
    pub(crate) fn manifest(&self) -> Deployment {
        from(self.deployment())
    }

    /// A Deployment of one color, as somebody would make it by hand.
    pub(crate) fn hand_made(&self, color: Color, replicas: u32, repository: &str) -> Deployment {
        let mut made = self.deployment();
        made["metadata"]["name"] = json!(format!("checkout-{color}"));
        made["spec"]["replicas"] = json!(replicas);
        made["spec"]["selector"]["matchLabels"]["color"] = json!(color);
        made["spec"]["template"]["metadata"]["labels"]["color"] = json!(color);
        made["spec"]["template"]["spec"]["containers"][0]["image"] = json!(self.release(repository).artifact);
        from(made)
    }

    fn deployment(&self) -> Value {
        let from_field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
        let container = json!({
            "name": "app",
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": "http", "containerPort": PORT}],
            "readinessProbe": {"httpGet": {"path": self.ready_path, "port": PORT}, "periodSeconds": 1, "failureThreshold": 1},
            "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}},
            "env": [
                {"name": "VERSION", "value": self.version()},
                {"name": "START_AS", "value": self.start_as},
                {"name": "COLOR", "valueFrom": from_field("metadata.labels['color']")},
                {"name": "POD_NAME", "valueFrom": from_field("metadata.name")},
            ],
        });
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {
                "selector": {"matchLabels": {"app": "checkout"}},
                "template": {
                    "metadata": {"labels": {"app": "checkout"}},
                    "spec": {"terminationGracePeriodSeconds": 10, "containers": [container]},
                },
            },
        })
    }
}

/// An object from its JSON.
pub(crate) fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
