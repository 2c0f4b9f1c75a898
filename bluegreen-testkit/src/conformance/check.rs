//! What cases are made of: comparing, waiting within bounds, and being sure that something does not happen.

use std::fmt::{Debug, Display};
use std::pin::pin;
use std::time::Duration;

use bluegreen_core::{BackendError, Effect};
use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep, timeout};

use super::failure::{Checked, Failure};

/// How long a case waits to be sure that something does not happen.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Fails with a message unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::conformance::Failure::new(format!($($why)+)));
        }
    };
}
pub(crate) use ensure;

/// Fails unless what was found is what was expected.
#[expect(clippy::needless_pass_by_value, reason = "takes values and references alike")]
pub(crate) fn same<T: PartialEq<U> + Debug, U: Debug>(what: impl Display, found: T, expected: U) -> Checked {
    ensure!(found == expected, "{what}\n  expected: {expected:?}\n  found:    {found:?}");
    Ok(())
}

/// Fails unless a write was refused because something else was there than expected.
pub(crate) fn conflict<T: Debug>(what: impl Display, result: Result<T, BackendError>) -> Checked {
    match result {
        Err(BackendError::Conflict { .. }) => Ok(()),
        Err(error) => Err(Failure::from(error).at(format!("{what}: expected a conflict, found another error"))),
        Ok(done) => Err(Failure::new(format!("{what}: expected a conflict, but it was done: {done:?}"))),
    }
}

/// Fails unless a write was refused, and says that it changed nothing.
pub(crate) fn refused<T: Debug>(what: impl Display, result: Result<T, BackendError>) -> Checked {
    match result {
        Err(error) => same(format!("{what}: the effect that the error `{error}` tells"), error.effect(), Effect::No),
        Ok(done) => Err(Failure::new(format!("{what}: expected an error, but it was done: {done:?}"))),
    }
}

/// Fails unless exactly one of two writers won and the other one met a conflict; returns what the winner got, and whether
/// it was the first.
pub(crate) fn one_wins<T: Debug>(
    what: impl Display,
    first: Result<T, BackendError>,
    second: Result<T, BackendError>,
) -> Result<(T, bool), Failure> {
    match (first, second) {
        (Ok(won), lost @ Err(_)) => conflict(what, lost).map(|()| (won, true)),
        (lost @ Err(_), Ok(won)) => conflict(what, lost).map(|()| (won, false)),
        (first, second) => Err(Failure::new(format!(
            "{what}: exactly one of two has to be done, but they came to {first:?} and {second:?}"
        ))),
    }
}

/// Looks again and again until `wanted` holds of what `look` sees, for as long as `patience`.
pub(crate) async fn until<T: Debug, F: Future<Output = Result<T, Failure>>>(
    what: impl Display,
    patience: Duration,
    look: impl Fn() -> F,
    wanted: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let end = Instant::now() + patience;
    loop {
        let seen = look().await?;
        if wanted(&seen) {
            return Ok(seen);
        }
        ensure!(Instant::now() < end, "waited {patience:?} until {what}; what was seen last: {seen:#?}");
        sleep(INTERVAL).await;
    }
}

/// Fails if `future` ends well within a moment.
pub(crate) async fn does_not_happen<T: Debug>(
    what: impl Display,
    future: impl Future<Output = Result<T, BackendError>>,
) -> Checked {
    match timeout(MOMENT, future).await {
        Ok(Ok(happened)) => Err(Failure::new(format!("{what}: {happened:?}"))),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// Gives `future` up as soon as it had to wait more than `times` times, or for more than a moment; `None` if it was given
/// up.
pub(crate) async fn dropped_after<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut waits = 0;
    let given_up = std::future::poll_fn(|_| {
        waits += 1;
        if waits > times { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    match timeout(MOMENT, select(pin!(future), pin!(given_up))).await {
        Ok(Either::Left((done, _))) => Some(done),
        Ok(Either::Right(_)) | Err(_) => None,
    }
}
