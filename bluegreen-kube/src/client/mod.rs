//! What all backends share: the connection to the API server, its deadlines and counters, and how its answers are read.

pub(crate) mod annotations;
mod cluster;
mod count;
mod error;
mod managed;
mod patch;
mod tls;
mod watch;

pub use self::cluster::{Cluster, ClusterError};
pub(crate) use self::cluster::{patch_params, post_params};
pub use self::count::Requests;
pub(crate) use self::error::classify;
pub(crate) use self::managed::{last_change, managers_of};
pub(crate) use self::patch::FencedPatch;
pub(crate) use self::watch::watch_objects;
