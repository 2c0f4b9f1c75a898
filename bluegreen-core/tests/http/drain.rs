//! Draining applications over HTTP.

use std::time::Duration;

use bluegreen_core::http::HttpDrain;
use bluegreen_core::{BackendError, Drainer, Effect, Endpoint, OpenConnections};

use crate::server::{Reply, Server, answer, deserted, timeless};

fn pod(name: &str, address: Option<&str>) -> Endpoint {
    Endpoint { id: format!("uid of {name}"), name: name.to_owned(), address: address.map(str::to_owned) }
}

fn here(name: &str) -> Endpoint {
    pod(name, Some("127.0.0.1"))
}

fn drain(server: &Server) -> HttpDrain {
    HttpDrain::new(server.address.port())
}

fn lines(server: &Server) -> Vec<String> {
    let mut lines: Vec<_> =
        server.requests().iter().map(|request| request.lines().next().unwrap_or_default().to_owned()).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn every_endpoint_is_told_and_asked() {
    let server = Server::replying([answer(204, "", ""), answer(200, "", r#"{"open":7,"n":{"active":2}}"#)]).await;
    let pods = [here("a"), here("b")];
    let drain = drain(&server);
    drain.begin(&pods).await.unwrap();
    drain.cancel(&pods).await.unwrap();
    assert_eq!(drain.open(&pods).await.unwrap(), OpenConnections { count: 14 });
    assert_eq!(drain.open(&[]).await.unwrap(), OpenConnections { count: 0 });
    let each = ["DELETE /drain HTTP/1.1", "GET /connections HTTP/1.1", "POST /drain HTTP/1.1"];
    assert_eq!(lines(&server), each.map(|line| [line; 2]).concat());

    let other = drain.begin_path("/admin/quit").open_path("stats").open_pointer("/n/active");
    assert_eq!(other.open(&pods).await.unwrap(), OpenConnections { count: 4 });
    other.begin(&pods).await.unwrap();
    assert!(lines(&server).contains(&"GET /stats HTTP/1.1".to_owned()));
    assert!(lines(&server).contains(&"POST /admin/quit HTTP/1.1".to_owned()));
}

#[tokio::test]
async fn a_refusal_names_the_endpoint_and_does_not_spare_the_others() {
    let server = Server::replying([answer(404, "", "no such page"), answer(204, "", "")]).await;
    let error = drain(&server).begin(&[here("a"), here("b")]).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { .. }), "{error:?}");
    let text = timeless(&error.to_string());
    let says =
        |pod| format!("refused to begin draining {pod} (http://127.0.0.1:_/drain): answered 404: \"no such page\"");
    assert!(["a", "b"].map(says).contains(&text), "{text}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn errors_say_whether_the_endpoint_may_have_heard() {
    let nothing = Reply::Bytes(Vec::new());
    for (reply, effect, says) in [
        (answer(500, "", "boom"), Effect::Unknown, "no answer when asked to stop draining a ("),
        (answer(403, "", "no"), Effect::No, "not allowed to stop draining a ("),
        (nothing, Effect::Unknown, "no answer when asked to stop draining a ("),
    ] {
        let server = Server::replying([reply]).await;
        let error = drain(&server).cancel(&[here("a")]).await.unwrap_err();
        assert_eq!(error.effect(), effect, "{error:?}");
        assert!(error.to_string().starts_with(says), "{error}");
    }

    let silent = Server::replying([Reply::Hang(Vec::new())]).await;
    let hasty = drain(&silent).timeout(Duration::from_millis(200));
    let error = hasty.cancel(&[here("a")]).await.unwrap_err();
    assert!(matches!(error, BackendError::TimedOut { .. }), "{error:?}");

    let (_held, nobody) = deserted();
    let error = HttpDrain::new(nobody.port()).begin(&[here("gone")]).await.unwrap_err();
    assert!(matches!(error, BackendError::Unavailable { .. }), "{error:?}");
    let says = "could not begin draining gone (http://127.0.0.1:";
    assert!(error.to_string().starts_with(says), "{error}");
}

#[tokio::test]
async fn what_is_in_doubt_comes_before_what_was_refused() {
    let server = Server::replying([answer(404, "", ""), answer(500, "", ""), answer(404, "", "")]).await;
    let error = drain(&server).begin(&[here("a"), here("b"), here("c")]).await.unwrap_err();
    assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
}

#[tokio::test]
async fn an_endpoint_that_does_not_tell_is_an_error_and_never_zero() {
    for (body, quoted) in [
        (r#"{"other":0}"#, r#""{\"other\":0}""#),
        (r#"{"open":-1}"#, r#""{\"open\":-1}""#),
        ("0 open", "\"0 open\""),
        ("", "\"\""),
    ] {
        let server = Server::replying([answer(200, "", body)]).await;
        let error = drain(&server).open(&[here("a")]).await.unwrap_err();
        assert_eq!(
            timeless(&error.to_string()),
            format!(
                "a (http://127.0.0.1:_/connections) can't be used: expected JSON with the number of open connections at \
                 /open, found {quoted}"
            )
        );
    }
    let error = HttpDrain::new(80).open(&[pod("a", None)]).await.unwrap_err();
    assert_eq!(error.to_string(), "a can't be used: it has no network address to ask it at");
}

#[test]
fn every_setting_is_in_the_description() {
    let text = HttpDrain::new(8080).describe().to_string();
    assert_eq!(
        text,
        "HttpDrain begin_path=\"/drain\", open_path=\"/connections\", open_pointer=\"/open\", port=8080, timeout=\"5s\""
    );
}
