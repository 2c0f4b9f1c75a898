//! Answers over HTTP.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http::{Response, StatusCode, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::Value;
use tower::BoxError;

use super::super::error::ApiError;

/// The body of an answer.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// A complete answer of the server.
pub(crate) type Answer = Response<AnswerBody>;

/// An object or a list.
pub(crate) fn object(code: StatusCode, object: &Value) -> Answer {
    whole(code, "application/json", object.to_string())
}

/// A refusal.
pub(crate) fn error(error: &ApiError) -> Answer {
    let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    object(code, &error.status())
}

/// What is answered for a path that is no resource's.
pub(crate) fn no_page() -> Answer {
    whole(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n".to_owned())
}

/// Plain text.
pub(crate) fn text(text: String) -> Answer {
    whole(StatusCode::OK, "text/plain", text)
}

/// An answer that goes on until the stream ends, or breaks off with its error.
pub(crate) fn stream(
    content_type: &'static str,
    chunks: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
) -> Answer {
    let body = StreamBody::new(chunks.map_ok(Frame::data));
    respond(StatusCode::OK, content_type, BodyExt::boxed_unsync(body))
}

fn whole(code: StatusCode, content_type: &'static str, text: String) -> Answer {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    respond(code, content_type, body.boxed_unsync())
}

fn respond(code: StatusCode, content_type: &'static str, body: AnswerBody) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
