//! Watching what can only be asked.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};

/// Makes a watch out of a read: calls `read` now and then every `interval`, and passes on what differs from the last
/// time, and every error.
///
/// For [`Environment::watch`](crate::Environment::watch) and [`TrafficRouter::watch`](crate::TrafficRouter::watch) of
/// backends that can't be told when something changes. Dropping the stream ends it.
pub fn polling<T, E, F>(interval: Duration, read: impl Fn() -> F + Send + 'static) -> BoxStream<'static, Result<T, E>>
where
    T: Clone + PartialEq + Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    stream::unfold((read, None::<T>, true), move |(read, mut last, mut first)| async move {
        loop {
            if !first {
                tokio::time::sleep(interval).await;
            }
            first = false;
            let item = read().await;
            match &item {
                Ok(value) if last.as_ref() == Some(value) => continue,
                Ok(value) => last = Some(value.clone()),
                Err(_) => {}
            }
            return Some((item, (read, last, first)));
        }
    })
    .boxed()
}
