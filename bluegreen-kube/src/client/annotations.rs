//! The names that this library leaves on objects.

/// Under which manager the API server records our writes.
pub(crate) const FIELD_MANAGER: &str = "bluegreen";

/// The stamp on a Deployment; the whole mark on a Service.
pub(crate) const STAMP: &str = "bluegreen.rs/stamp";

/// The release that a Deployment was given, as JSON.
pub(crate) const RELEASE: &str = "bluegreen.rs/release";

/// The time after which what a Deployment holds may be removed.
pub(crate) const CLEANUP_AFTER: &str = "bluegreen.rs/cleanup-after";

/// For which target an object was made that is only ours, as in a preview Service.
pub(crate) const TARGET: &str = "bluegreen.rs/target";

/// The standard label that says which tool made an object; the value is [`FIELD_MANAGER`].
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
