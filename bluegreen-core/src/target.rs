//! What is rolled out to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one deployable thing whose traffic moves: a service in a namespace.
///
/// The name is the caller's; backends derive the names of their objects from it unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Where it lives.
    pub namespace: String,
    /// What it is called.
    pub name: String,
}

impl Target {
    /// The target `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
