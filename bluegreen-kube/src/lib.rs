#![doc = include_str!("../docs/crate.md")]

mod client;
mod environment;
mod router;

pub use crate::client::{Cluster, ClusterError, Requests};
pub use crate::environment::{DeploymentEnvironment, ManifestError, ObstacleGraces};
pub use crate::router::ServiceRouter;
