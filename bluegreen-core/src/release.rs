//! What is rolled out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a rollout brings to users: a version, the artifact that carries it, and a fingerprint of its configuration.
///
/// Two releases are the same only if all three parts are: a changed configuration of the same image is a new release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// What people call it, as in `1.4.2`.
    pub version: String,
    /// What is deployed, as a backend understands it: an image reference, best with its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// A fingerprint of configuration that isn't part of the artifact. Never secrets themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

impl Release {
    /// A release known by its version alone, for backends that need no artifact.
    pub fn version(version: impl Into<String>) -> Self {
        Self { version: version.into(), artifact: None, configuration: None }
    }

    /// A release made of one container image. Its version is the image's tag, or its digest when there is no tag.
    pub fn image(reference: impl Into<String>) -> Self {
        let reference = reference.into();
        let version = image_version(&reference).to_owned();
        Self { version, artifact: Some(reference), configuration: None }
    }

    /// Sets the fingerprint of the configuration that this release runs with.
    #[must_use]
    pub fn with_configuration(mut self, fingerprint: impl Into<String>) -> Self {
        self.configuration = Some(fingerprint.into());
        self
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.version)
    }
}

/// The tag of an image reference, else its digest, else `latest`. A colon before the last slash belongs to a port.
fn image_version(reference: &str) -> &str {
    let (name, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag).or(digest).unwrap_or("latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_an_image_is_its_tag_then_its_digest() {
        for (reference, version) in [
            ("registry.example:5000/shop/checkout:1.4.2", "1.4.2"),
            ("checkout:1.4.2@sha256:abc", "1.4.2"),
            ("registry.example/checkout@sha256:abc", "sha256:abc"),
            ("registry.example:5000/checkout", "latest"),
        ] {
            assert_eq!(Release::image(reference).version, version, "{reference}");
        }
    }
}
