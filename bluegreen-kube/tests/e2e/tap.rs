//! Seeing every write that leaves for the API server.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bluegreen_kube::Cluster;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

type Each = Arc<dyn Fn(&str) + Send + Sync>;

/// The same cluster, with `each` called in line at the moment at which a write leaves: `PATCH services/checkout`. Dry
/// runs change nothing and are left out.
pub(crate) fn tapped(cluster: &Cluster, each: impl Fn(&str) + Send + Sync + 'static) -> Cluster {
    let inner = cluster.client().clone();
    let namespace = inner.default_namespace().to_owned();
    Cluster::from_client(Client::new(Tap { inner, each: Arc::new(each) }, namespace))
}

#[derive(Clone)]
struct Tap {
    inner: Client,
    each: Each,
}

impl Service<Request<Body>> for Tap {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let uri = request.uri();
        let dry = uri.query().unwrap_or_default().contains("dryRun=All");
        if request.method() != Method::GET && !dry {
            let object = uri.path().split_once("/namespaces/").map_or(uri.path(), |(_, object)| object);
            let object = object.split_once('/').map_or(object, |(_, object)| object);
            (self.each)(&format!("{} {object}", request.method()));
        }
        let inner = self.inner.clone();
        Box::pin(async move { inner.send(request).await.map_err(BoxError::from) })
    }
}
