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
        Err(_) => Err(BackendError::TimedOut { action: action.to_owned(), object: object.to_owned(), after: deadline }),
    }
}

/// How often a call that changes no stamped object is tried, and how long to wait in between.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);

/// Calls until it succeeds, fails for good, or has failed [`TRIES`] times.
pub(crate) async fn persist<T, F: Future<Output = Result<T, BackendError>>>(
    ask: impl Fn() -> F,
) -> Result<T, BackendError> {
    let mut tries = 1;
    loop {
        match ask().await {
            Err(error) if error.is_retryable() && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(AGAIN).await;
            }
            result => return result,
        }
    }
}
