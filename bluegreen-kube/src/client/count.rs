//! Counting requests where they leave, and bounding the wait for their answers.

use std::fmt;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

/// How many requests went to the API server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Objects and lists that were asked for.
    pub reads: u64,
    /// Watches and followed logs, each reconnection counted.
    pub watches: u64,
    /// Writes that are only tried (`dryRun=All`) and change nothing.
    pub dry_runs: u64,
    /// Everything else.
    pub writes: u64,
}

impl Requests {
    /// All together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.reads + self.watches + self.dry_runs + self.writes
    }
}

impl Add for Requests {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            watches: self.watches + other.watches,
            dry_runs: self.dry_runs + other.dry_runs,
            writes: self.writes + other.writes,
        }
    }
}

impl Sub for Requests {
    type Output = Self;

    /// What was added between two counts; a kind that isn't higher counts as none.
    fn sub(self, earlier: Self) -> Self {
        Self {
            reads: self.reads.saturating_sub(earlier.reads),
            watches: self.watches.saturating_sub(earlier.watches),
            dry_runs: self.dry_runs.saturating_sub(earlier.dry_runs),
            writes: self.writes.saturating_sub(earlier.writes),
        }
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, watches, dry_runs, writes } = self;
        write!(f, "{reads} reads, {watches} watches, {dry_runs} dry runs, {writes} writes")
    }
}

/// The counts while they grow.
#[derive(Debug, Default)]
pub(super) struct Counters {
    reads: AtomicU64,
    watches: AtomicU64,
    dry_runs: AtomicU64,
    writes: AtomicU64,
}

impl Counters {
    pub(super) fn get(&self) -> Requests {
        Requests {
            reads: self.reads.load(Ordering::Relaxed),
            watches: self.watches.load(Ordering::Relaxed),
            dry_runs: self.dry_runs.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    fn add(&self, kind: Kind) {
        let counter = match kind {
            Kind::Read => &self.reads,
            Kind::Watch => &self.watches,
            Kind::DryRun => &self.dry_runs,
            Kind::Write => &self.writes,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Watch,
    DryRun,
    Write,
}

fn kind_of(method: &Method, query: Option<&str>) -> Kind {
    let says = |wanted: &str| query.unwrap_or_default().split('&').any(|pair| pair == wanted);
    match *method {
        Method::GET if says("watch=true") || says("watch=1") || says("follow=true") => Kind::Watch,
        Method::GET | Method::HEAD | Method::OPTIONS => Kind::Read,
        _ if says("dryRun=All") => Kind::DryRun,
        _ => Kind::Write,
    }
}

/// Called with method and path of every write as it leaves.
pub(super) type WriteHook = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// No answer came in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the API server within {after:?}")]
pub(super) struct NoAnswer {
    /// How long was waited.
    pub(super) after: Duration,
}

/// A client around a client, which counts and gives up.
///
/// The deadline here is on the first bytes of an answer. It also bounds what watches do by themselves, such as listing
/// again, which no caller of ours waits for.
#[derive(Clone)]
pub(super) struct Counted {
    pub(super) inner: Client,
    pub(super) counters: Arc<Counters>,
    pub(super) deadline: Duration,
    pub(super) on_write: Option<WriteHook>,
}

impl Service<Request<Body>> for Counted {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(())) // `Client::send` waits for its own turn
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let kind = kind_of(request.method(), request.uri().query());
        self.counters.add(kind);
        if kind == Kind::Write
            && let Some(hook) = &self.on_write
        {
            hook(request.method().as_str(), request.uri().path());
        }
        let (client, after) = (self.inner.clone(), self.deadline);
        Box::pin(async move {
            match tokio::time::timeout(after, client.send(request)).await {
                Ok(answer) => answer.map_err(BoxError::from),
                Err(_) => Err(BoxError::from(NoAnswer { after })),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_method_and_query() {
        let cases = [
            (Method::GET, None, Kind::Read),
            (Method::GET, Some("limit=500&labelSelector=a%3Dwatch%3Dtrue"), Kind::Read),
            (Method::GET, Some("fieldSelector=metadata.name%3Dx&watch=true"), Kind::Watch),
            (Method::GET, Some("watch=1"), Kind::Watch),
            (Method::GET, Some("container=app&follow=true"), Kind::Watch),
            (Method::GET, Some("container=app&tailLines=10"), Kind::Read),
            (Method::PATCH, Some("fieldManager=bluegreen"), Kind::Write),
            (Method::POST, Some("dryRun=All"), Kind::DryRun),
            (Method::DELETE, None, Kind::Write),
        ];
        for (method, query, kind) in cases {
            assert_eq!(kind_of(&method, query), kind, "{method} {query:?}");
        }
    }

    #[test]
    fn counts_can_be_compared() {
        let before = Requests { reads: 1, watches: 2, dry_runs: 0, writes: 3 };
        let after = Requests { reads: 5, watches: 2, dry_runs: 1, writes: 4 };
        assert_eq!(after - before, Requests { reads: 4, watches: 0, dry_runs: 1, writes: 1 });
        assert_eq!(before + (after - before), after);
        assert_eq!(after.total(), 12);
        assert_eq!(after.to_string(), "5 reads, 2 watches, 1 dry runs, 4 writes");
    }
}
