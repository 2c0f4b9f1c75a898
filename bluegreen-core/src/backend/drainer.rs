//! Getting open connections off a color that no longer gets new ones.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{BackendError, Description, Endpoint};

/// Tells an application that it gets no new connections, and counts those that are still open.
///
/// A switch moves new connections only; open ones stay where they were until one side closes them. Without a drainer a
/// rollout waits for the whole drain time before it scales the old color down.
#[async_trait]
pub trait Drainer: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// Asks every endpoint to finish its open connections. A second call changes nothing more. An endpoint that is gone
    /// needs no asking; a backend that can't tell it from one that doesn't answer reports the error.
    async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError>;

    /// Takes [`begin`](Self::begin) back: the endpoints are to serve production traffic again. A second call changes
    /// nothing more.
    async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError>;

    /// Counts the connections that are open on all `endpoints`. An endpoint that doesn't tell is an error, never zero; one
    /// that is known to be gone has none.
    async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError>;
}

/// How many connections are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenConnections {
    /// On all endpoints together.
    pub count: u64,
}
