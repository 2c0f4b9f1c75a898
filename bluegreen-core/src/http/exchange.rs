//! One HTTP request, and as much of its answer as anybody wants to see, within a time.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Request, Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

use super::text::brief;
use crate::backend::chain;

/// A body is read up to here.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Not more than [`BODY_LIMIT`].
    pub(super) body: Vec<u8>,
    pub(super) end: BodyEnd,
    /// Where the answer came from, if not from where it was asked for: a client of the caller's followed a redirect.
    pub(super) redirected_to: Option<Url>,
}

/// Why there is no more of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// There isn't any.
    Whole,
    /// It is longer than the limit.
    Capped,
    /// The time was up, after so long.
    TimedOut(Duration),
    /// The connection broke.
    Broken(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// There may be one later.
    #[error("gave no answer within {}", brief(*.0))]
    TimedOut(Duration),
    /// The request was never sent.
    #[error("could not be reached")]
    Unreached(#[source] reqwest::Error),
    /// The connection broke.
    #[error("broke off")]
    Broken(#[source] reqwest::Error),
}

/// Sends `request` once and reads the answer until `until`. Dropping it closes the connection.
pub(super) async fn exchange(client: &Client, request: Request, until: Instant) -> Result<Answer, NoAnswer> {
    let begin = Instant::now();
    let asked = request.url().clone();
    let mut response = match timeout_at(until, client.execute(request)).await {
        Err(_) => return Err(NoAnswer::TimedOut(begin.elapsed())),
        // Whoever reports this names the URL himself, and without a login in it.
        Ok(Err(error)) if error.is_connect() => return Err(NoAnswer::Unreached(error.without_url())),
        Ok(Err(error)) => return Err(NoAnswer::Broken(error.without_url())),
        Ok(Ok(response)) => response,
    };
    let redirected_to = (*response.url() != asked).then(|| response.url().clone());
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    let end = timeout_at(until, read(&mut response, &mut body)).await;
    let end = end.unwrap_or_else(|_| BodyEnd::TimedOut(begin.elapsed()));
    Ok(Answer { status, headers, body, end, redirected_to })
}

/// Reads into `body`, which holds what has come so far even when the future is dropped.
async fn read(response: &mut Response, body: &mut Vec<u8>) -> BodyEnd {
    loop {
        match response.chunk().await {
            Ok(None) => return BodyEnd::Whole,
            Ok(Some(chunk)) => {
                let room = BODY_LIMIT - body.len();
                body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    return BodyEnd::Capped;
                }
            }
            Err(error) => return BodyEnd::Broken(chain(&error.without_url())),
        }
    }
}
