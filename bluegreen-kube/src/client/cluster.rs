//! The context that all backends of one cluster share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::BackendError;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, PatchParams, PostParams};
use kube::{Client, Config, Resource};

use super::annotations::FIELD_MANAGER;
use super::count::{Counted, Counters, Requests, WriteHook};
use super::{classify, tls};

/// How long a call may take unless told otherwise.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may be silent in the middle of an answer. More than a watch is silent at most: the API server
/// ends each after [`super::watch::WATCH_SECONDS`].
const READ_TIMEOUT: Duration = Duration::from_secs(super::watch::WATCH_SECONDS as u64 + 15);

/// A connection to one Kubernetes API server, shared by all backends that are made from it.
///
/// Cheap to clone; clones share the connection and the counters.
///
/// ```no_run
/// # async fn example() -> Result<(), bluegreen_kube::ClusterError> {
/// let cluster = bluegreen_kube::Cluster::infer().await?;
/// println!("{}", cluster.requests());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cluster {
    /// As it was given, not counted.
    base: Client,
    /// What the backends use.
    client: Client,
    counters: Arc<Counters>,
    deadline: Duration,
    on_write: Option<WriteHook>,
}

/// No connection to a cluster could be set up. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Neither a kubeconfig nor the environment of a pod says where the cluster is.
    #[error("found neither a usable kubeconfig (KUBECONFIG, ~/.kube/config) nor a pod's service account")]
    NoConfig(#[source] Box<kube::config::InferConfigError>),
    /// The configuration can't be used.
    #[error("the configuration of the cluster can't be used")]
    Config(#[source] Box<kube::Error>),
}

impl Cluster {
    /// Connects as `config` says, but for three things that a rollout can't do without: the client's own retries are
    /// turned off, since each repeated write has to be accounted for; a connection may take 5 seconds at most; and a
    /// connection that falls silent is given up, unless `config` sets such a time itself.
    ///
    /// With the feature `ring` or `aws-lc-rs` that provider becomes the default of the process, if it has none yet.
    /// Nothing is sent. Must be called in a tokio runtime.
    pub fn from_config(mut config: Config) -> Result<Self, ClusterError> {
        tls::ensure_provider();
        config.default_retry = false;
        config.connect_timeout = Some(config.connect_timeout.map_or(CONNECT_TIMEOUT, |t| t.min(CONNECT_TIMEOUT)));
        if config.read_timeout.is_none() {
            config.read_timeout = Some(READ_TIMEOUT);
            config.reset_reader_on_write = true;
        }
        let client = Client::try_from(config).map_err(|error| ClusterError::Config(Box::new(error)))?;
        Ok(Self::from_client(client))
    }

    /// Connects to where the kubeconfig (`KUBECONFIG`, else `~/.kube/config`) points, or, in a pod, to its own cluster.
    /// Otherwise as [`from_config`](Self::from_config).
    pub async fn infer() -> Result<Self, ClusterError> {
        tls::ensure_provider();
        let config = Config::infer().await.map_err(|error| ClusterError::NoConfig(Box::new(error)))?;
        Self::from_config(config)
    }

    /// Uses a client that the caller made.
    ///
    /// Its requests are counted and bounded too, but what it repeats by itself is invisible here: kube's default client
    /// repeats writes that were answered with 429, 503 or 504, for minutes. Every write of this library tests what it
    /// expects, so a repeated one changes nothing twice, but it may land long after the rollout has gone on.
    /// Set `default_retry = false` in its [`Config`]. Must be called in a tokio runtime.
    #[must_use]
    pub fn from_client(client: Client) -> Self {
        Self::assemble(client, Arc::default(), CALL_DEADLINE, None)
    }

    /// Sets how long a request may take; 10 seconds unless set. One that takes longer is
    /// [`BackendError::TimedOut`], which for a write means that its effect is unknown.
    #[must_use]
    pub fn with_call_deadline(self, deadline: Duration) -> Self {
        Self::assemble(self.base, self.counters, deadline, self.on_write)
    }

    /// Sets a function that is called with method and path of every write at the moment it leaves, for benches and
    /// tests. It is called in line with the request and must return at once.
    #[must_use]
    pub fn with_write_hook(self, hook: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self::assemble(self.base, self.counters, self.deadline, Some(Arc::new(hook)))
    }

    fn assemble(base: Client, counters: Arc<Counters>, deadline: Duration, on_write: Option<WriteHook>) -> Self {
        let namespace = base.default_namespace().to_owned();
        let valid_until = *base.valid_until();
        let service =
            Counted { inner: base.clone(), counters: Arc::clone(&counters), deadline, on_write: on_write.clone() };
        let client = Client::new(service, namespace).with_valid_until(valid_until);
        Self { base, client, counters, deadline, on_write }
    }

    /// The client itself, for what the backends don't do. Its requests are counted and bounded as theirs.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// How many requests were sent through this cluster and its clones since it was made.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.counters.get()
    }

    /// The objects of one kind in a namespace.
    pub(crate) fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Waits for a request that changes nothing, but not past the deadline. `action` and `object` are for the error, as
    /// in `read` and `Service/checkout`.
    pub(crate) async fn read<T>(
        &self,
        action: &str,
        object: &str,
        request: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, BackendError> {
        self.bounded(action, object, request, false).await
    }

    /// As [`read`](Self::read), for a request that changes something: what can't be known is said to be unknown.
    pub(crate) async fn write<T>(
        &self,
        action: &str,
        object: &str,
        request: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, BackendError> {
        self.bounded(action, object, request, true).await
    }

    async fn bounded<T>(
        &self,
        action: &str,
        object: &str,
        request: impl Future<Output = kube::Result<T>> + Send,
        write: bool,
    ) -> Result<T, BackendError> {
        match tokio::time::timeout(self.deadline, request).await {
            Ok(answer) => answer.map_err(|error| classify(action, object, error, write)),
            Err(_) => {
                Err(BackendError::TimedOut { action: action.into(), object: object.into(), after: self.deadline })
            }
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("default_namespace", &self.client.default_namespace())
            .field("deadline", &self.deadline)
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}

/// How our patches are sent: in our name.
pub(crate) fn patch_params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// How our creations are sent: in our name.
pub(crate) fn post_params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
