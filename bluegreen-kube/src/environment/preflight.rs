//! Whether a release could be deployed, before anything is touched.

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, Finding, Holder, Preflight, PreflightContext, Stamp};
use serde_json::Value;

use super::DeploymentEnvironment;
use super::manifest::{Rendering, render};
use super::ownership::foreign_owners;
use super::settings::Settings;

/// Checks that the release could be deployed to the standby color. Reports everything at once.
///
/// It fails when the colors can't be told apart, when it isn't clear which container gets the image, when the standby
/// color's Deployment isn't ours and may not be adopted, when its autoscaler can't reach the size of the color that
/// serves, and when the API server refuses the manifest in a dry run.
#[derive(Debug, Clone)]
pub(super) struct DeploymentPreflight {
    environment: DeploymentEnvironment,
}

impl DeploymentPreflight {
    pub(super) const fn new(environment: DeploymentEnvironment) -> Self {
        Self { environment }
    }
}

#[async_trait]
impl Preflight for DeploymentPreflight {
    fn describe(&self) -> Description {
        Description { kind: "DeploymentPreflight".to_owned(), ..self.environment.settings.describe() }
    }

    async fn check(&self, context: &PreflightContext) -> Result<Finding, BackendError> {
        let environment = &self.environment;
        let mut failures = settings_failures(&environment.settings);
        let active = environment.read_color(context.active).await?;
        let wanted = active.desired.max(active.ready).max(1);
        failures.extend(environment.autoscaler_failure(context.standby, wanted).await?);
        let mut warnings = Vec::new();
        match environment.manifest_for(context.standby).await {
            Ok(manifest) => {
                let checked = environment.dry_run(context, &manifest, wanted).await?;
                failures.extend(checked.failures);
                warnings = checked.warnings;
            }
            Err(error @ BackendError::Unusable { .. }) => failures.push(error.to_string()),
            Err(error) => return Err(error),
        }
        let object = environment.settings.object(context.standby);
        Ok(if !failures.is_empty() {
            Finding::Failed { message: failures.join("; ") }
        } else if !warnings.is_empty() {
            Finding::Warning { message: warnings.join("; ") }
        } else {
            Finding::Passed { message: format!("the API server would take {object} with {wanted} replicas") }
        })
    }
}

/// What speaks against a deployment.
#[derive(Default)]
struct Checked {
    failures: Vec<String>,
    warnings: Vec<String>,
}

impl DeploymentEnvironment {
    async fn autoscaler_failure(&self, color: Color, wanted: u32) -> Result<Option<String>, BackendError> {
        let Some(autoscaler) = self.find_autoscaler(color).await? else {
            return Ok(None);
        };
        let max = autoscaler.limits.max;
        Ok((max < wanted).then(|| {
            format!(
                "HorizontalPodAutoscaler/{} allows {max} replicas of {}, but the color that serves has {wanted}: raise its \
                 maxReplicas",
                autoscaler.name,
                self.settings.object(color)
            )
        }))
    }

    /// Sends what a deployment would send, as a dry run.
    async fn dry_run(
        &self,
        context: &PreflightContext,
        manifest: &Value,
        replicas: u32,
    ) -> Result<Checked, BackendError> {
        let color = context.standby;
        let mut checked = Checked::default();
        let stamp = Stamp { epoch: 0, seq: 0, holder: Holder::new(0) };
        let rendering = Rendering { color, release: &context.release, replicas, stamp: &stamp };
        let rendered = match render(manifest, &self.settings, rendering) {
            Ok(rendered) => rendered,
            Err(message) => {
                checked.failures.push(self.settings.unusable(color, message).to_string());
                return Ok(checked);
            }
        };
        if rendered.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
            let object = self.settings.object(color);
            checked.failures.push(format!("the manifest of {object} has spec.paused: it would never start"));
        }
        let live = self.read_untyped(color).await?;
        if let Some(live) = &live
            && self.settings.adopt
        {
            let owners: Vec<String> = foreign_owners(live).into_iter().collect();
            if !owners.is_empty() {
                let object = self.settings.object(color);
                checked.warnings.push(format!("{object} will be adopted from {}", owners.join(", ")));
            }
        }
        let sent = match live {
            None => self.send_create(color, &rendered, true).await,
            Some(live) => match self.replacement(color, live, &rendered) {
                Ok(replacement) => self.send_replace(color, &replacement, true).await,
                Err(error) => Err(error),
            },
        };
        match sent {
            // Someone changed it in between, which says nothing against the manifest.
            Ok(_) | Err(BackendError::Conflict { .. }) => {}
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => checked.failures.push(error.to_string()),
        }
        Ok(checked)
    }
}

/// What can be seen without asking the cluster.
fn settings_failures(settings: &Settings) -> Vec<String> {
    let mut failures = Vec::new();
    let (key, values) = (&settings.label_key, &settings.label_values);
    if values.blue == values.green {
        failures.push(format!("label: both colors have {key}={}: a selector can't tell them apart", values.blue));
    }
    if key.is_empty() || values.blue.is_empty() || values.green.is_empty() {
        failures.push("label: key and values must not be empty".to_owned());
    }
    if settings.names.blue == settings.names.green {
        failures.push(format!("names: both colors are Deployment/{}", settings.names.blue));
    }
    failures
}
