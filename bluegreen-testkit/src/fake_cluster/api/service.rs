//! The connection of a client to the API server, through which everything can go wrong.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use kube::client::Body;
use tower::{BoxError, Service};

use super::answer::{self, Answer};
use super::fault::Effect;
use super::{Server, User};

/// One request that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// As in `PATCH`.
    pub method: String,
    /// The path with what is behind the `?`.
    pub path: String,
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What a `kube::Client` is made of.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) server: Arc<Server>,
    pub(crate) user: User,
}

impl Service<Request<Body>> for Connection {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let connection = self.clone();
        Box::pin(async move { connection.send(request).await })
    }
}

impl Connection {
    async fn send(self, request: Request<Body>) -> Result<Answer, BoxError> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.to_string();
        self.server.requests().push(ApiRequest { method: parts.method.to_string(), path: path.clone() });
        let (effect, latency) = {
            let mut faults = self.server.faults();
            (faults.take(&parts.method, &path), faults.latency())
        };
        if latency > Duration::ZERO {
            tokio::time::sleep(latency).await;
        }
        match &effect {
            Some(Effect::Refuse(error)) => return Ok(answer::error(error)),
            Some(Effect::Lose) => return Err(broken()),
            Some(Effect::Hang) => std::future::pending::<()>().await,
            Some(Effect::LoseAnswer | Effect::HangAnswer | Effect::LandLate(_)) | None => {}
        }
        let body: Bytes = body.collect().await?.to_bytes();
        let impersonated = parts.headers.get("impersonate-user").and_then(|name| name.to_str().ok());
        let user = impersonated.map_or(self.user, |name| User::Limited { name: name.into(), rules: [].into() });
        if let Some(Effect::LandLate(after)) = effect {
            self.server.handle_later(after, user, parts, body);
            return std::future::pending().await;
        }
        let answer = self.server.handle(&user, &parts, &body);
        match effect {
            Some(Effect::LoseAnswer) => Err(broken()),
            Some(Effect::HangAnswer) => std::future::pending().await,
            _ => Ok(answer),
        }
    }
}

fn broken() -> BoxError {
    Error::new(ErrorKind::ConnectionReset, "the fake cluster broke the connection").into()
}
