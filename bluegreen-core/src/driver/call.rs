//! Deadlines.

use std::future::Future;
use std::time::Duration;

use crate::backend::BackendError;

/// Waits for `call` at most `deadline` long. Giving up on a write says nothing about whether it happened.
pub(crate) async fn call<T>(
    deadline: Duration,
    action: &str,
    object: &str,
    call: impl Future<Output = Result<T, BackendError>>,
) -> Result<T, BackendError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(result) => result,
        Err(_) => Err(BackendError::TimedOut {
            action: action.to_owned(),
            object: object.to_owned(),
            after: deadline,
        }),
    }
}
