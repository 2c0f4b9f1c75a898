//! What a harness can do to a subject, beside what the backend itself can.

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::failure::Failure;

/// Something that a harness does, or finds out, when a case asks for it.
pub(crate) struct Lever<A, T = ()>(Box<dyn Fn(A) -> BoxFuture<'static, Result<T, Failure>> + Send + Sync>);

impl<A, T> Lever<A, T> {
    pub(crate) fn new<F>(lever: impl Fn(A) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        Self(Box::new(move |argument| lever(argument).boxed()))
    }

    pub(crate) async fn pull(&self, argument: A) -> Result<T, Failure> {
        (self.0)(argument).await.map_err(|failure| failure.at("the harness could not do what a case needs"))
    }
}

impl<A, T> fmt::Debug for Lever<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lever")
    }
}

/// Pulls a lever that the case was registered for.
pub(crate) async fn pull<A, T>(lever: Option<&Lever<A, T>>, argument: A) -> Result<T, Failure> {
    match lever {
        Some(lever) => lever.pull(argument).await,
        None => Err(Failure::new("this case needs something that the harness doesn't offer")),
    }
}
