//! The endpoints.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Uri, Version};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::app::App;
use crate::connections::Connection;
use crate::log;
use crate::mode::Mode;

const X_VERSION: HeaderName = HeaderName::from_static("x-version");

/// Paths that no client of a real app would use: asking them does not make a connection count as one of a client.
const UNCOUNTED: [&str; 5] = ["/health", "/ready", "/connections", "/drain", "/mode"];

/// Answers one request, and decides whether its connection ends with that.
pub(crate) async fn answer(app: &App, connection: &Connection, request: &Parts) -> Response<Full<Bytes>> {
    if !UNCOUNTED.contains(&request.uri.path()) {
        connection.is_used();
    }
    let mut response = route(app, connection, request).await;
    response.headers_mut().insert(X_VERSION, app.version().clone());
    // Asked only now: an answer that took long must not promise a connection that ends meanwhile.
    if app.is_closing() || wants_close(request) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        connection.is_ending();
    }
    response
}

async fn route(app: &App, connection: &Connection, request: &Parts) -> Response<Full<Bytes>> {
    match (&request.method, request.uri.path()) {
        (&Method::GET, "/") => root(app).await,
        (&Method::GET, "/version") => json_answer(&app.identity()),
        (&Method::GET, "/health") => probe(app.is_healthy()),
        (&Method::GET, "/ready") => probe(app.is_ready()),
        (&Method::GET, "/connections") => json_answer(&json!({ "open": connection.others() })),
        (&Method::POST, "/drain") => {
            log::line("draining: every answer closes its connection");
            app.close_connections();
            text(StatusCode::OK, "draining\n")
        }
        (&Method::DELETE, "/drain") => {
            log::line("not draining any more");
            app.keep_connections();
            text(StatusCode::OK, "serving\n")
        }
        (&Method::POST, "/mode") => set_mode(app, &request.uri),
        (_, "/" | "/version" | "/health" | "/ready" | "/connections") => wrong_method("GET"),
        (_, "/drain") => wrong_method("POST, DELETE"),
        (_, "/mode") => wrong_method("POST"),
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

async fn root(app: &App) -> Response<Full<Bytes>> {
    let delay = app.delay();
    if !delay.is_zero() {
        sleep(delay).await;
    }
    if app.is_failing() {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "told to fail\n");
    }
    json_answer(&app.numbered_identity())
}

fn probe(good: bool) -> Response<Full<Bytes>> {
    if good { text(StatusCode::OK, "ok\n") } else { text(StatusCode::SERVICE_UNAVAILABLE, "not ok\n") }
}

/// All modes of the request or, if one of them is unknown, none.
fn set_mode(app: &App, uri: &Uri) -> Response<Full<Bytes>> {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let Some(modes) = parameters.find_map(|parameter| parameter.strip_prefix("set=")) else {
        return text(StatusCode::BAD_REQUEST, "expected /mode?set=MODE\n");
    };
    match Mode::list(&decode(modes)) {
        Ok(modes) => {
            modes.into_iter().for_each(|mode| app.set(mode));
            text(StatusCode::OK, "ok\n")
        }
        Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

/// Undoes the percent encoding of the only two characters of a mode that clients like to encode.
fn decode(text: &str) -> String {
    text.replace("%3A", ":").replace("%3a", ":").replace("%2C", ",").replace("%2c", ",")
}

/// Whether the client asks for the end of the connection; HTTP/1.0 implies it.
fn wants_close(request: &Parts) -> bool {
    let mut options = request.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    request.version < Version::HTTP_11
        || options.any(|options| options.split(',').any(|option| option.trim().eq_ignore_ascii_case("close")))
}

fn json_answer(value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn wrong_method(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use hyper::Request;

    use super::*;
    use crate::config::Config;

    /// Asks over a connection of its own.
    async fn ask(app: &App, method: &str, uri: &str) -> (StatusCode, String) {
        ask_over(app, &app.connections().open(), method, uri).await
    }

    async fn ask_over(app: &App, connection: &Connection, method: &str, uri: &str) -> (StatusCode, String) {
        let (request, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        let (answer, body) = answer(app, connection, &request).await.into_parts();
        assert_eq!(answer.headers[X_VERSION], "v1");
        let body = body.collect().await.unwrap().to_bytes();
        (answer.status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn status(app: &App, method: &str, uri: &str) -> u16 {
        ask(app, method, uri).await.0.as_u16()
    }

    #[tokio::test]
    async fn tells_who_it_is() {
        let config = Config { color: Some("blue".to_owned()), ..Config::default() };
        let app = App::new(&config);
        let (_, first) = ask(&app, "GET", "/").await;
        let (_, second) = ask(&app, "GET", "/?n=17").await;
        let (_, version) = ask(&app, "GET", "/version").await;
        assert_eq!(first, r#"{"color":"blue","n":1,"pod":null,"version":"v1"}"#);
        assert_eq!(second, r#"{"color":"blue","n":2,"pod":null,"version":"v1"}"#);
        assert_eq!(version, r#"{"color":"blue","pod":null,"version":"v1"}"#);
    }

    #[tokio::test]
    async fn modes_change_the_answers_and_back() {
        let app = App::new(&Config::default());
        for (mode, path, bad, undo) in [
            ("fail", "/", 500, "ok"),
            ("unhealthy", "/health", 503, "ok"),
            ("unready", "/ready", 503, "ready"),
            ("slow%3A1ms%2Cfail", "/", 500, "ok"),
        ] {
            assert_eq!(status(&app, "GET", path).await, 200, "before {mode}");
            assert_eq!(status(&app, "POST", &format!("/mode?set={mode}")).await, 200);
            assert_eq!(status(&app, "GET", path).await, bad, "in {mode}");
            assert_eq!(status(&app, "POST", &format!("/mode?set={undo}")).await, 200);
            assert_eq!(status(&app, "GET", path).await, 200, "after {mode}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_changes_modes() {
        let config = Config { start_delay: Duration::from_secs(2), ..Config::default() };
        let app = App::new(&config);
        assert_eq!(status(&app, "GET", "/ready").await, 503);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(status(&app, "GET", "/ready").await, 200);

        assert_eq!(status(&app, "POST", "/mode?set=unready-after:5s,fail-after:6s").await, 200);
        sleep(Duration::from_secs(4)).await;
        assert_eq!((status(&app, "GET", "/ready").await, status(&app, "GET", "/").await), (200, 200));
        sleep(Duration::from_millis(1500)).await;
        assert_eq!((status(&app, "GET", "/ready").await, status(&app, "GET", "/").await), (503, 200));
        sleep(Duration::from_secs(1)).await;
        assert_eq!((status(&app, "GET", "/ready").await, status(&app, "GET", "/").await), (503, 500));

        assert_eq!(status(&app, "POST", "/mode?set=ok,slow:3s").await, 200);
        let before = tokio::time::Instant::now();
        assert_eq!(status(&app, "GET", "/").await, 200);
        assert!(before.elapsed() >= Duration::from_secs(3));

        assert_eq!(status(&app, "POST", "/mode?set=exit-after:1s").await, 200);
        app.told_to_exit().await;
    }

    #[tokio::test]
    async fn refuses_what_it_does_not_know() {
        let app = App::new(&Config::default());
        for (method, uri, refusal) in [
            ("GET", "/nothing", 404),
            ("POST", "/", 405),
            ("GET", "/drain", 405),
            ("GET", "/mode?set=fail", 405),
            ("POST", "/mode", 400),
            ("POST", "/mode?set=fail,nonsense", 400),
        ] {
            assert_eq!(status(&app, method, uri).await, refusal, "{method} {uri}");
        }
        assert!(!app.is_failing() && !app.is_closing());
    }

    #[tokio::test]
    async fn counts_clients_but_neither_probes_nor_whoever_asks() {
        let app = App::new(&Config::default());
        let (client, prober, tester) = (app.connections().open(), app.connections().open(), app.connections().open());
        ask_over(&app, &client, "GET", "/").await;
        ask_over(&app, &prober, "GET", "/health").await;
        ask_over(&app, &prober, "GET", "/ready").await;
        assert_eq!(ask_over(&app, &tester, "GET", "/connections").await.1, r#"{"open":1}"#);
        assert_eq!(ask_over(&app, &client, "GET", "/connections").await.1, r#"{"open":0}"#);

        ask_over(&app, &tester, "POST", "/drain").await;
        assert_eq!(ask_over(&app, &tester, "GET", "/connections").await.1, r#"{"open":1}"#, "not told yet");
        ask_over(&app, &client, "GET", "/").await;
        assert_eq!(ask_over(&app, &tester, "GET", "/connections").await.1, r#"{"open":0}"#, "told");
    }

    #[test]
    fn knows_when_the_client_wants_to_close() {
        for (version, connection, close) in [
            (Version::HTTP_11, "keep-alive", false),
            (Version::HTTP_11, "close", true),
            (Version::HTTP_11, "upgrade, Close", true),
            (Version::HTTP_10, "", true),
        ] {
            let request = Request::builder().version(version).header(CONNECTION, connection).body(()).unwrap();
            assert_eq!(wants_close(&request.into_parts().0), close, "{version:?} {connection:?}");
        }
    }
}
