//! Watches.

use std::sync::Arc;

use bluegreen_core::BackendError;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::shared::Shared;
use super::state::State;

/// What `view` sees: now, and whenever it sees something else. No task and no polling: the stream itself waits for the
/// next change, or for the next moment at which time changes something.
pub(crate) fn follow<T>(
    shared: Arc<Shared>,
    view: impl Fn(&State) -> T + Send + Sync + 'static,
) -> BoxStream<'static, Result<T, BackendError>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    stream::unfold((shared, view, None), |(shared, view, last)| async move {
        let seen = shared
            .until(|state| {
                let seen = view(state);
                (last.as_ref() != Some(&seen)).then_some(seen)
            })
            .await;
        Some((Ok(seen.clone()), (shared, view, Some(seen))))
    })
    .boxed()
}
