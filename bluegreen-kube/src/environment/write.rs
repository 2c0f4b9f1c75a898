//! Changing a color: each change is one write that tests a fence and leaves a stamp.

use bluegreen_core::{BackendError, Color, ColorObservation, Deploy, Fence, Scale, Seal, Stamp};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};

use super::DeploymentEnvironment;
use super::manifest::{Rendering, as_manifest, render, replacing, selector_difference};
use super::observation::{desired, release_of, stamp_of};
use super::ownership::{foreign_owners, without_foreign_owners};
use super::settings::{ManifestSource, stamp_text};
use crate::client::annotations::{CLEANUP_AFTER, STAMP};
use crate::client::{FencedPatch, last_change, patch_params, post_params};

/// How often one deployment is sent while only the status of the Deployment changes under it.
const ATTEMPTS: u32 = 5;

impl DeploymentEnvironment {
    pub(super) async fn write_deployment(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        let color = deploy.expect.color;
        if deploy.replicas == 0 {
            let message = "a release is deployed with at least 1 replica; use a scale for none".to_owned();
            return Err(BackendError::Refused {
                action: "deploy".into(),
                object: self.settings.object(color),
                message,
            });
        }
        let Deploy { release, replicas, stamp, .. } = deploy;
        let manifest = self.manifest_for(color).await?;
        let rendered = render(&manifest, &self.settings, Rendering { color, release, replicas, stamp })
            .map_err(|message| self.settings.unusable(color, message))?;
        let written = if deploy.expect.exists {
            self.replace(deploy, &rendered).await?
        } else {
            self.create(color, stamp, &rendered).await?
        };
        self.after_write("deploy", color, written).await
    }

    pub(super) async fn write_scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        let color = scale.expect.color;
        if scale.expect.stamp.is_none() && !self.settings.adopt {
            return Err(self.settings.unusable(
                color,
                "it carries no stamp of this library, so it isn't ours to scale: seal it first, or allow `adopt_existing`",
            ));
        }
        let patch =
            self.fenced(scale.expect, scale.fence, scale.stamp)?.set(&["spec", "replicas"], json!(scale.replicas));
        let patch = match scale.cleanup_after {
            Some(time) => patch.annotate(CLEANUP_AFTER, time.to_string()),
            None => patch.remove_annotation(CLEANUP_AFTER),
        };
        self.patch("scale", scale.expect, scale.stamp, patch).await
    }

    pub(super) async fn write_seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        let patch = self.fenced(seal.expect, seal.fence, seal.stamp)?;
        self.patch("seal", seal.expect, seal.stamp, patch).await
    }

    /// A patch that tests the fence and leaves the stamp.
    fn fenced(&self, expect: &ColorObservation, fence: Fence, stamp: &Stamp) -> Result<FencedPatch, BackendError> {
        let object = self.settings.object(expect.color);
        if !expect.exists {
            return Err(BackendError::NotFound { object, hint: "deploy to this color first".to_owned() });
        }
        let expected = expect.stamp.as_ref().map(ToString::to_string);
        Ok(FencedPatch::new(&object, fence, &expect.version, expected)?.annotate(STAMP, stamp.to_string()))
    }

    async fn patch(
        &self,
        action: &str,
        expect: &ColorObservation,
        stamp: &Stamp,
        patch: FencedPatch,
    ) -> Result<ColorObservation, BackendError> {
        let color = expect.color;
        let api = self.cluster.api::<Deployment>(&self.settings.target.namespace);
        let (params, body) = (patch_params(), patch.build());
        let request = api.patch(self.settings.name(color), &params, &body);
        let written = match self.cluster.write(action, &self.settings.object(color), request).await {
            Err(conflict @ BackendError::Conflict { .. }) => {
                self.resolve(color, stamp, expectation(expect), conflict).await?
            }
            Err(BackendError::NotFound { .. }) => return Err(self.conflict(color, expect, "no such Deployment")),
            reply => reply?,
        };
        self.after_write(action, color, written).await
    }

    /// What both colors are made from.
    pub(super) async fn manifest_for(&self, color: Color) -> Result<Value, BackendError> {
        if let ManifestSource::Given(manifest) = &self.settings.manifest {
            return Ok(manifest.clone());
        }
        let live = match self.read_untyped(color.other()).await? {
            Some(live) => Some(live),
            None => self.read_untyped(color).await?,
        };
        live.map(as_manifest).ok_or_else(|| {
            let message = format!(
                "there is nothing to clone it from, {} doesn't exist either: give a manifest for the first deployment",
                self.settings.object(color.other())
            );
            self.settings.unusable(color, message)
        })
    }

    async fn create(&self, color: Color, stamp: &Stamp, rendered: &Value) -> Result<Deployment, BackendError> {
        match self.send_create(color, rendered, false).await {
            Err(conflict @ BackendError::Conflict { .. }) => {
                self.resolve(color, stamp, "no such Deployment".to_owned(), conflict).await
            }
            reply => reply,
        }
    }

    /// Replaces a Deployment under the resourceVersion of a read that shows what the caller expects.
    ///
    /// The resourceVersion also changes with the status, which says nothing against the write. A conflict had no effect
    /// for certain, so with [`Fence::Stamp`] the same write is sent again as long as stamp and spec stay what they were.
    async fn replace(&self, deploy: Deploy<'_>, rendered: &Value) -> Result<Deployment, BackendError> {
        let (color, expect) = (deploy.expect.color, deploy.expect);
        let mut spec = None;
        let mut attempt = 1;
        loop {
            let live =
                self.read_untyped(color).await?.ok_or_else(|| self.conflict(color, expect, "no such Deployment"))?;
            self.check_expected(&deploy, &live)?;
            let live_spec = live.get("spec").cloned();
            if spec.get_or_insert_with(|| live_spec.clone()) != &live_spec {
                return Err(self.conflict(color, expect, "a spec that was just changed by someone else"));
            }
            let body = self.replacement(color, live, rendered)?;
            match self.send_replace(color, &body, false).await {
                Err(BackendError::Conflict { .. }) if deploy.fence == Fence::Stamp && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(conflict @ BackendError::Conflict { .. }) => {
                    return self.resolve(color, deploy.stamp, expectation(expect), conflict).await;
                }
                Err(BackendError::NotFound { .. }) => return Err(self.conflict(color, expect, "no such Deployment")),
                reply => return reply,
            }
        }
    }

    /// Whether the Deployment is still what the caller read, as far as the fence asks for it.
    fn check_expected(&self, deploy: &Deploy<'_>, live: &Value) -> Result<(), BackendError> {
        let (color, expect) = (deploy.expect.color, deploy.expect);
        let live: Deployment = serde_json::from_value(live.clone()).map_err(|error| {
            self.settings.unusable(color, format!("the API server's answer can't be read: {error}"))
        })?;
        if deploy.fence == Fence::Stamp && expect.stamp.is_none() {
            return Err(self.settings.unusable(color, "it carries no stamp to test; test its version instead"));
        }
        let same = match deploy.fence {
            Fence::Version => live.resource_version().as_deref() == Some(expect.version.as_str()),
            Fence::Stamp => stamp_of(&live) == expect.stamp && release_of(&self.settings, &live) == expect.release,
        };
        if same { Ok(()) } else { Err(self.conflict(color, expect, &found(&live))) }
    }

    /// The whole object to put in place of `live`, if it may be replaced.
    pub(super) fn replacement(&self, color: Color, mut live: Value, rendered: &Value) -> Result<Value, BackendError> {
        let unusable = |message: String| self.settings.unusable(color, message);
        if let Some(reason) = self.reason_to_refuse(&live) {
            return Err(unusable(reason));
        }
        if let Some(difference) = selector_difference(&live, rendered) {
            return Err(unusable(difference));
        }
        if self.settings.adopt {
            without_foreign_owners(&mut live);
        }
        replacing(&live, rendered).map_err(unusable)
    }

    /// Why a Deployment that is there may not be deployed to, if it isn't ours and nobody allowed to adopt it.
    pub(super) fn reason_to_refuse(&self, live: &Value) -> Option<String> {
        if self.settings.adopt {
            return None;
        }
        let owners: Vec<String> = foreign_owners(live).into_iter().collect();
        let stamped = live.pointer("/metadata/annotations").is_some_and(|annotations| annotations.get(STAMP).is_some());
        let reason = match (stamped, owners.is_empty()) {
            (true, true) => return None,
            (false, true) => "it was not made by this library".to_owned(),
            (_, false) => format!("others own fields that a deployment would replace: {}", owners.join(", ")),
        };
        Some(format!("{reason}; allow `adopt_existing` to take it over"))
    }

    pub(super) async fn send_create(
        &self,
        color: Color,
        rendered: &Value,
        dry_run: bool,
    ) -> Result<Deployment, BackendError> {
        let body = self.body(color, rendered)?;
        let api = self.untyped::<Deployment>();
        let params = PostParams { dry_run, ..post_params() };
        let reply = self.cluster.write("create", &self.settings.object(color), api.create(&params, &body)).await?;
        self.reply("create", color, reply)
    }

    pub(super) async fn send_replace(
        &self,
        color: Color,
        replacement: &Value,
        dry_run: bool,
    ) -> Result<Deployment, BackendError> {
        let body = self.body(color, replacement)?;
        let api = self.untyped::<Deployment>();
        let params = PostParams { dry_run, ..post_params() };
        let request = api.replace(self.settings.name(color), &params, &body);
        let reply = self.cluster.write("deploy", &self.settings.object(color), request).await?;
        self.reply("deploy", color, reply)
    }

    fn body(&self, color: Color, object: &Value) -> Result<DynamicObject, BackendError> {
        serde_json::from_value(object.clone()).map_err(|error| self.settings.unusable(color, error.to_string()))
    }

    /// The reply to a write that has happened.
    fn reply(&self, action: &str, color: Color, reply: DynamicObject) -> Result<Deployment, BackendError> {
        reply.try_parse().map_err(|error| BackendError::Unknown {
            action: action.to_owned(),
            object: self.settings.object(color),
            source: Box::new(error),
        })
    }

    /// Says what a conflict was with. A Deployment that carries the very stamp of this write was written by it: someone
    /// on the way delivered it twice, and the second one failed.
    async fn resolve(
        &self,
        color: Color,
        stamp: &Stamp,
        expected: String,
        conflict: BackendError,
    ) -> Result<Deployment, BackendError> {
        let object = self.settings.object(color);
        match self.read_deployment(color).await {
            Ok(Some(live)) if stamp_of(&live).as_ref() == Some(stamp) => Ok(live),
            Ok(Some(live)) => Err(BackendError::Conflict { object, expected, found: found(&live) }),
            Ok(None) => Err(BackendError::Conflict { object, expected, found: "no such Deployment".to_owned() }),
            Err(_) => Err(conflict), // it is one all the same
        }
    }

    fn conflict(&self, color: Color, expect: &ColorObservation, found: &str) -> BackendError {
        let object = self.settings.object(color);
        BackendError::Conflict { object, expected: expectation(expect), found: found.to_owned() }
    }
}

fn expectation(expect: &ColorObservation) -> String {
    let release = expect.release.as_ref().map_or_else(|| "no known release".to_owned(), |release| release.to_string());
    format!("{}, {release}, version {}", stamp_text(expect.stamp.as_ref()), expect.version)
}

/// A Deployment in a few words, with who changed it last.
fn found(live: &Deployment) -> String {
    let changed = last_change(&live.metadata, &[]).map(|change| format!(", last changed by {change}"));
    format!(
        "{}, {} replicas, version {}{}",
        stamp_text(stamp_of(live).as_ref()),
        desired(live),
        live.resource_version().unwrap_or_default(),
        changed.unwrap_or_default()
    )
}
