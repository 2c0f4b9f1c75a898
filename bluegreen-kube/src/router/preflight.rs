//! Everything that is wrong with a route before it is touched, found at once.

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Color, Description, Finding, Preflight, PreflightContext, RouteState, TrafficRouter,
};
use futures_util::future::{join_all, try_join};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::ListParams;

use super::ServiceRouter;
use super::object::{object_name, route_object, selector};
use super::ports::{describe_port, leads_nowhere, pod_ports, ports};
use super::preview::{preview_mismatch, preview_name, preview_service};
use super::selector::{ColorLabel, Labels, matches};
use crate::client::managers_of;

/// Checks the Services of a [`ServiceRouter`] and the Deployments behind them; reads only.
///
/// Fails on a Service that is missing, that doesn't name one color, or that has a port which the pods of a color don't
/// have; and on a preview Service that leads elsewhere. Warns where a GitOps tool would take a switch back.
#[derive(Debug, Clone)]
pub(super) struct ServicePreflight {
    router: ServiceRouter,
}

impl ServicePreflight {
    pub(super) const fn new(router: ServiceRouter) -> Self {
        Self { router }
    }

    async fn read(&self) -> Result<World, BackendError> {
        let router = &self.router;
        let deployments: Api<Deployment> = router.cluster.api(&router.target.namespace);
        let everything = ListParams::default();
        let list = router.cluster.read("list", "Deployments", deployments.list(&everything));
        let services = async {
            let names = router.names().into_iter().map(ToOwned::to_owned);
            Self::get_all(router, names.collect()).await
        };
        let (deployments, services) = try_join(list, services).await?;
        let previews = if router.preview {
            let names = Color::ALL.map(|color| preview_name(router.first_name(), color));
            Self::get_all(router, names.into()).await?
        } else {
            Vec::new()
        };
        Ok(World { services, previews, deployments: deployments.items })
    }

    async fn get_all(router: &ServiceRouter, names: Vec<String>) -> Result<Vec<Named>, BackendError> {
        let gets = names.into_iter().map(|name| async move {
            let object = object_name(&name);
            let service = router.cluster.read("read", &object, router.api().get_opt(&name)).await?;
            Ok(Named { name, service })
        });
        join_all(gets).await.into_iter().collect()
    }
}

#[async_trait]
impl Preflight for ServicePreflight {
    fn describe(&self) -> Description {
        Description { kind: "ServicePreflight".to_owned(), ..self.router.describe() }
    }

    async fn check(&self, _: &PreflightContext) -> Result<Finding, BackendError> {
        let world = self.read().await?;
        let hint = |name: &str| self.router.manifest_hint(name);
        let mut report = Report::default();
        for named in &world.services {
            let object = object_name(&named.name);
            match &named.service {
                None => report.fail(&object, format!("does not exist; {}", hint(&named.name))),
                Some(service) => check_service(&mut report, &self.router.label, service, &world.deployments),
            }
        }
        if let Some(live) = world.services.first().and_then(|named| named.service.as_ref()) {
            for (color, preview) in Color::ALL.into_iter().zip(&world.previews) {
                let wanted = preview_service(&self.router.label, &self.router.target, live, color);
                check_preview(&mut report, &wanted, preview);
            }
        }
        Ok(report.finding())
    }
}

/// A Service that was looked for.
struct Named {
    name: String,
    service: Option<Service>,
}

/// What was read.
struct World {
    services: Vec<Named>,
    /// Blue, then green; none where no preview was asked for.
    previews: Vec<Named>,
    deployments: Vec<Deployment>,
}

/// What was found, sorted by weight.
#[derive(Debug, Default)]
struct Report {
    seen: Vec<String>,
    warnings: Vec<String>,
    failures: Vec<String>,
}

impl Report {
    fn fail(&mut self, object: &str, what: impl AsRef<str>) {
        self.failures.push(format!("{object}: {}", what.as_ref()));
    }

    fn warn(&mut self, object: &str, what: impl AsRef<str>) {
        self.warnings.push(format!("{object}: {}", what.as_ref()));
    }

    fn finding(self) -> Finding {
        match (self.failures.is_empty(), self.warnings.is_empty()) {
            (false, _) => Finding::Failed { message: [self.failures, self.warnings].concat().join("\n") },
            (true, false) => Finding::Warning { message: self.warnings.join("\n") },
            (true, true) => Finding::Passed { message: self.seen.join("; ") },
        }
    }
}

fn check_service(report: &mut Report, label: &ColorLabel, service: &Service, deployments: &[Deployment]) {
    let object = match route_object(label, service) {
        Ok(object) => object,
        Err(error) => return report.failures.push(error.to_string()),
    };
    match &object.state {
        RouteState::Routes(split) => report.seen.push(format!("{} routes to {split}", object.name)),
        other => report.fail(&object.name, other.to_string()),
    }
    if service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        report.warn(
            &object.name,
            "it is headless: clients keep the addresses they resolved, so a switch reaches them late",
        );
    }
    for color in Color::ALL {
        let selector = label.with_color(&selector(service), color);
        for deployment in deployments.iter().filter(|deployment| matches(&selector, &template_labels(deployment))) {
            check_ports(report, &object.name, service, deployment);
        }
    }
    if let Some(manager) = gitops_manager(service) {
        report.warn(&object.name, gitops_advice(&manager, service.metadata.name.as_deref().unwrap_or_default()));
    }
}

fn check_preview(report: &mut Report, wanted: &Service, preview: &Named) {
    let object = object_name(&preview.name);
    match &preview.service {
        None => report.seen.push(format!("{object} will be made")),
        Some(found) => match preview_mismatch(wanted, found) {
            Some(mismatch) => report.fail(&object, mismatch),
            None => report.seen.push(format!("{object} is there")),
        },
    }
}

/// Every port of the Service must lead somewhere in the pods of both colors.
fn check_ports(report: &mut Report, object: &str, service: &Service, deployment: &Deployment) {
    let Some(pod) = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()) else {
        return;
    };
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    for port in ports(service).iter().filter(|port| leads_nowhere(port, pod)) {
        let port = describe_port(port);
        report.fail(
            object,
            format!("port {port} leads nowhere in Deployment/{name}, whose pods have {}", pod_ports(pod)),
        );
    }
}

fn template_labels(deployment: &Deployment) -> Labels {
    let template = deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    template.and_then(|metadata| metadata.labels.clone()).unwrap_or_default()
}

/// The last of those tools that bring Git back over whatever is there, if one holds the selector.
fn gitops_manager(service: &Service) -> Option<String> {
    let tool = |name: &str| {
        name.starts_with("argocd") || ["kustomize-controller", "helm-controller", "helm", "Helm"].contains(&name)
    };
    let managers = managers_of(&service.metadata, &["spec", "selector"]);
    managers.iter().rev().filter_map(|entry| entry.manager.clone()).find(|name| tool(name))
}

/// What to add so that the tool leaves the selector alone.
fn gitops_advice(manager: &str, service: &str) -> String {
    let add = match manager {
        "kustomize-controller" => "leave `selector` out of the Service in Git, or annotate the Service with \
             `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent`"
            .to_owned(),
        "helm-controller" | "helm" | "Helm" => format!(
            "keep Service {service} out of the chart, or leave its `selector` out of the template; the next upgrade \
             writes it again"
        ),
        _ => format!(
            "add to the Application: `ignoreDifferences: [{{kind: Service, name: {service}, jsonPointers: \
             [/spec/selector]}}]` and `syncPolicy: {{syncOptions: [RespectIgnoreDifferences=true]}}`"
        ),
    };
    format!("{manager} owns spec.selector and would take a switch back; {add}")
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(spec: Value, manager: &str) -> Service {
        serde_json::from_value(json!({
            "metadata": {"name": "checkout", "resourceVersion": "1", "managedFields": [
                {"manager": manager, "fieldsV1": {"f:spec": {"f:selector": {}}}},
            ]},
            "spec": spec,
        }))
        .unwrap()
    }

    fn deployment(color: &str, ports: Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"name": format!("checkout-{color}")},
            "spec": {"selector": {}, "template": {
                "metadata": {"labels": {"app": "checkout", "color": color, "x": "y"}},
                "spec": {"containers": [{"name": "app", "ports": ports}], "initContainers": [
                    {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 15000}]},
                    {"name": "setup", "ports": [{"name": "never", "containerPort": 1}]},
                ]},
            }},
        }))
        .unwrap()
    }

    fn check(spec: Value, manager: &str, deployments: &[Deployment]) -> Finding {
        let mut report = Report::default();
        check_service(&mut report, &ColorLabel::default(), &service(spec, manager), deployments);
        report.finding()
    }

    fn blue(ports: Value) -> Value {
        json!({"selector": {"app": "checkout", "color": "blue"}, "ports": ports})
    }

    #[test]
    fn a_good_service_passes_with_what_was_seen() {
        let deployments = [
            deployment("blue", json!([{"name": "web", "containerPort": 8080}])),
            deployment("green", json!([{"name": "web", "containerPort": 9090}])),
        ];
        let ports = json!([{"port": 80, "targetPort": "web"}, {"name": "mesh", "port": 81, "targetPort": 15000}]);
        let finding = check(blue(ports), "kubectl", &deployments);
        assert_eq!(finding, Finding::Passed { message: "Service/checkout routes to blue".into() });
    }

    #[test]
    fn a_port_has_to_lead_somewhere_in_both_colors() {
        let with =
            |ports| [deployment("blue", json!([{"name": "web", "containerPort": 8080}])), deployment("green", ports)];
        let cases = [
            (json!({"port": 80, "targetPort": "web"}), json!([{"name": "web", "containerPort": 1}]), None),
            (
                json!({"port": 80, "targetPort": "web"}),
                json!([{"name": "http", "containerPort": 8080}]),
                Some("http:8080, mesh:15000"),
            ),
            (json!({"port": 80, "targetPort": "never"}), json!([]), Some("port 80->never/TCP leads nowhere")),
            (
                json!({"port": 80, "targetPort": 8080}),
                json!([{"containerPort": 9090}]),
                Some("Deployment/checkout-green"),
            ),
            (json!({"port": 8080}), json!([{"containerPort": 8080}]), None),
        ];
        for (port, green, expected) in cases {
            let finding = check(blue(json!([port])), "kubectl", &with(green));
            match (expected, finding) {
                (None, Finding::Passed { .. }) => {}
                (Some(words), Finding::Failed { message }) if message.contains(words) => {}
                (_, finding) => panic!("{port}: {finding:?}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_switched_fails_and_all_of_it_is_told() {
        let ports = json!([{"port": 80, "targetPort": "web"}]);
        let deployments = [deployment("green", json!([]))];
        let spec = json!({"selector": {"app": "checkout"}, "ports": ports, "clusterIP": "None"});
        let Finding::Failed { message } = check(spec, "argocd-controller", &deployments) else { panic!() };
        for words in ["has no key color", "leads nowhere", "headless", "RespectIgnoreDifferences=true"] {
            assert!(message.contains(words), "{words} in {message}");
        }
        assert_eq!(message.lines().count(), 4, "{message}");
    }

    #[test]
    fn tools_that_would_take_a_switch_back_are_named_with_the_remedy() {
        for (manager, remedy) in [
            ("argocd-controller", Some("jsonPointers: [/spec/selector]")),
            ("kustomize-controller", Some("kustomize.toolkit.fluxcd.io/ssa")),
            ("helm-controller", Some("out of the chart")),
            ("helm", Some("out of the chart")),
            ("kubectl-client-side-apply", None),
            ("bluegreen", None),
        ] {
            match (check(blue(json!([])), manager, &[]), remedy) {
                (Finding::Passed { .. }, None) => {}
                (Finding::Warning { message }, Some(remedy))
                    if message.contains(remedy) && message.contains(manager) => {}
                (finding, _) => panic!("{manager}: {finding:?}"),
            }
        }
    }
}
