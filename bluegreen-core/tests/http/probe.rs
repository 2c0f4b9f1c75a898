//! What an HTTP probe says of good, bad, slow and silent servers.

use std::time::Duration;

use bluegreen_core::http::HttpProbe;
use bluegreen_core::{BackendError, HealthProbe, ProbeTarget, Verdict};
use serde_json::json;

use crate::server::{Reply, Server, answer, deserted, target, timeless};

const SHORT: Duration = Duration::from_millis(10);
/// Long enough for anything on loopback; only reached by tests that are about to fail.
const LONG: Duration = Duration::from_secs(30);

/// A probe with one try, for tests of a single answer.
fn once(place: &str) -> HttpProbe {
    HttpProbe::get(place).every(LONG).deadline(LONG).try_timeout(LONG)
}

/// What `probe` says of a server that gives `reply`.
async fn judge(probe: &HttpProbe, reply: Reply) -> (Verdict, String) {
    let server = Server::replying([reply]).await;
    let report = probe.check(&server.target()).await.unwrap();
    assert_eq!(report.tries, 1);
    (report.verdict, timeless(&report.summary))
}

#[tokio::test]
async fn a_success_passes_and_is_asked_for_as_it_should_be() {
    let server = Server::replying([answer(200, "", "fine")]).await;
    let report = once("health?deep=1").header("x-token", "hunter2").check(&server.target()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Pass);
    assert_eq!(timeless(&report.summary), "GET http://127.0.0.1:_/health?deep=1 answered 200 after 1 try in _");

    let [request] = &server.requests()[..] else { panic!("one request: {:?}", server.requests()) };
    assert!(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{request}");
    for line in ["x-token: hunter2\r\n", "connection: close\r\n", "user-agent: bluegreen/"] {
        assert!(request.contains(line), "{line:?} in {request}");
    }
}

#[tokio::test]
async fn one_bad_answer_is_quoted() {
    let cut = format!("answered 500 after 1 try in _: \"{}\"...", "x".repeat(200));
    for (reply, says) in [
        (answer(500, "", "boom"), "answered 500 after 1 try in _: \"boom\""),
        (answer(503, "", ""), "answered 503 after 1 try in _"),
        (answer(500, "", b"\xff\xfe\0\x1b[2J"), "answered 500 after 1 try in _: \"\u{fffd}\u{fffd}\\0\\u{1b}[2J\""),
        (answer(500, "", "x".repeat(100_000)), cut.as_str()),
        (
            answer(302, "location: https://login.example/\r\n", ""),
            "answered 302, a redirect to \"https://login.example/\" after 1 try in _",
        ),
    ] {
        let (verdict, summary) = judge(&once("/health"), reply).await;
        assert_eq!(verdict, Verdict::Fail);
        assert_eq!(summary, format!("GET http://127.0.0.1:_/health {says}"));
    }
}

#[tokio::test]
async fn headers_and_json_are_compared() {
    let probe = once("/").expect_header("x-release", "v2").expect_json("/db/status", "up").expect_json("/n", 3);
    let good = r#"{"db":{"status":"up"},"n":3}"#;
    let (verdict, _) = judge(&probe, answer(200, "x-release: v2\r\n", good)).await;
    assert_eq!(verdict, Verdict::Pass);

    let (verdict, summary) = judge(&probe, answer(200, "x-release: v1\r\n", r#"{"db":{"status":"down"}}"#)).await;
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(
        summary,
        "GET http://127.0.0.1:_/ answered 200, but header x-release is \"v1\" instead of \"v2\" and /db/status is \
         \"down\" instead of \"up\" and /n is missing instead of 3 after 1 try in _: \
         \"{\\\"db\\\":{\\\"status\\\":\\\"down\\\"}}\""
    );
}

#[tokio::test]
async fn other_statuses_can_be_expected_even_redirects() {
    let probe = once("/").expect_status(302).expect_status(400..=404);
    for (status, verdict) in [(302, Verdict::Pass), (404, Verdict::Pass), (200, Verdict::Fail), (405, Verdict::Fail)] {
        assert_eq!(judge(&probe, answer(status, "location: /a\r\n", "")).await.0, verdict, "{status}");
    }
}

#[tokio::test]
async fn a_failure_between_successes_starts_the_count_again() {
    let (good, bad) = (answer(200, "", ""), answer(500, "", ""));
    let server = Server::replying([good.clone(), good.clone(), bad, good]).await;
    let report = HttpProbe::get("/").successes(3).every(SHORT).check(&server.target()).await.unwrap();
    assert_eq!((report.verdict, report.tries), (Verdict::Pass, 6));
    assert_eq!(timeless(&report.summary), "GET http://127.0.0.1:_/ answered 200 3 times in a row after 6 tries in _");
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_slow_try_is_given_up_and_another_one_made() {
    let server = Server::replying([Reply::Hang(Vec::new()), answer(200, "", "")]).await;
    let probe = HttpProbe::get("/").try_timeout(Duration::from_millis(300)).every(SHORT).deadline(LONG);
    let report = probe.check(&server.target()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Pass, "{}", report.summary);
    assert!(report.tries >= 2, "{}", report.summary);
}

#[tokio::test]
async fn a_server_that_never_answers_fails_at_the_deadline() {
    let server = Server::replying([Reply::Hang(Vec::new())]).await;
    let probe = HttpProbe::get("/").try_timeout(LONG).deadline(Duration::from_millis(200));
    let report = probe.check(&server.target()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Fail);
    assert_eq!(timeless(&report.summary), "GET http://127.0.0.1:_/ gave no answer within _ after 1 try in _");
}

#[tokio::test]
async fn a_bad_status_is_told_even_if_its_body_never_ends() {
    let head = b"HTTP/1.1 500 -\r\ncontent-length: 9\r\n\r\nboom".to_vec();
    let probe = HttpProbe::get("/").deadline(Duration::from_secs(1));
    let (verdict, summary) = judge(&probe, Reply::Hang(head)).await;
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(summary, "GET http://127.0.0.1:_/ answered 500 after 1 try in _: \"boom\"");

    let head = b"HTTP/1.1 200 -\r\ncontent-length: 9\r\n\r\nfine".to_vec();
    let (verdict, summary) = judge(&probe, Reply::Hang(head)).await;
    assert_eq!(verdict, Verdict::Fail, "an answer that never ends is not a good one");
    assert!(summary.contains("answered 200, but its body had no end in _"), "{summary}");
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_a_limit() {
    let head = b"HTTP/1.1 200 -\r\nconnection: close\r\n\r\n".to_vec();
    let (verdict, _) = judge(&once("/"), Reply::Endless(head.clone())).await;
    assert_eq!(verdict, Verdict::Pass);
    let (verdict, summary) = judge(&once("/").expect_json("/ok", true), Reply::Endless(head)).await;
    assert_eq!(verdict, Verdict::Fail);
    assert!(summary.contains("its body is longer than 64 KiB and wasn't read as JSON"), "{summary}");
}

#[tokio::test]
async fn what_is_not_http_and_what_is_not_there_fail() {
    let (verdict, summary) = judge(&once("/"), Reply::Bytes(b"SSH-2.0\r\n".to_vec())).await;
    assert_eq!(verdict, Verdict::Fail);
    assert!(summary.starts_with("GET http://127.0.0.1:_/ broke off after 1 try in _: "), "{summary}");

    let (_held, nobody) = deserted();
    let report = once("/").check(&target(&format!("http://{nobody}"))).await.unwrap();
    assert_eq!(report.verdict, Verdict::Fail);
    assert!(report.summary.contains("/ could not be reached after 1 try in "), "{}", report.summary);
    assert!(report.summary.contains("Connection refused"), "{}", report.summary);
}

#[tokio::test]
async fn secrets_are_sent_and_never_told() {
    let server = Server::replying([answer(401, "", "unknown token hunter2-hunter2 of bob:p4ss-w0rd")]).await;
    let probe = once(&format!("http://bob:p4ss-w0rd@{}/health", server.address))
        .header("x-token", "hunter2-hunter2")
        .expect_status(200);
    let report = probe.check(&server.target()).await.unwrap();
    assert!(server.requests()[0].contains("x-token: hunter2-hunter2\r\n"));
    assert_eq!(
        timeless(&report.summary),
        "GET http://127.0.0.1:_/health answered 401 after 1 try in _: \"unknown token *** of bob:***\""
    );

    let unsendable = probe.clone().header("x-other", "hunter2-hunter2\n");
    let error = unsendable.check(&server.target()).await.unwrap_err();
    assert!(error.to_string().contains("the value of header x-other has characters that"), "{error}");

    assert_eq!(probe.describe().settings["headers"], json!(["x-token"]));
    for text in [
        format!("{probe:?}"),
        format!("{unsendable:?}"),
        format!("{report:?}"),
        format!("{error:?}"),
        probe.describe().to_string(),
    ] {
        assert!(!text.contains("hunter2") && !text.contains("p4ss"), "{text}");
    }
}

#[tokio::test]
async fn a_client_that_follows_redirects_fools_nobody() {
    let moved = answer(302, "location: /elsewhere\r\n", "");
    let server = Server::replying([moved, answer(200, "", "fine")]).await;
    let probe = once("/health").client(client());
    let report = probe.check(&server.target()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Fail);
    assert!(report.summary.contains("the client that was given follows redirects"), "{}", report.summary);
    assert_eq!(probe.describe().settings["client"], json!("given"));
}

/// A client as a caller might build it, with TLS where the features have it.
fn client() -> reqwest::Client {
    #[cfg(feature = "ring")]
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn settings_that_make_no_sense_are_reported_together_and_before_anything_is_sent() {
    let server = Server::replying([answer(200, "", "")]).await;
    #[expect(clippy::reversed_empty_ranges, reason = "what is tested")]
    let probe =
        HttpProbe::get("/health").header("x y", "1").expect_status(299..=200).expect_json("ok", true).successes(0);
    assert_eq!(
        probe.check(&server.target()).await.unwrap_err().to_string(),
        "HttpProbe /health can't be used: \"x y\" is not a header name; no status is in 299-200; \"ok\" is not a JSON \
         pointer: it has to begin with `/`; successes must be at least 1"
    );
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_path_needs_an_address_and_a_url_does_not() {
    let nowhere = ProbeTarget { address: None, ..target("") };
    let path = once("/health");
    assert!(path.needs_address());
    for (target, says) in [
        (nowhere.clone(), "there is no address of green to join it to; give a whole URL"),
        (target("10.0.0.1:80"), "10.0.0.1:80/health is not a URL to probe: relative URL without a base"),
        (
            target("ftp://me:pw@host"),
            "ftp://host/health is not a URL to probe: it has to begin with http:// or https://",
        ),
    ] {
        let error = path.check(&target).await.unwrap_err();
        assert!(matches!(error, BackendError::Unusable { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("HttpProbe /health can't be used: {says}"));
    }

    let server = Server::replying([answer(204, "", "")]).await;
    let url = once(&format!("http://{}/base/health", server.address));
    assert!(!url.needs_address());
    assert_eq!(url.check(&nowhere).await.unwrap().verdict, Verdict::Pass);
    let based = target(&format!("http://{}/base/", server.address));
    assert_eq!(once("/health").check(&based).await.unwrap().verdict, Verdict::Pass);
    assert!(server.requests().iter().all(|request| request.starts_with("GET /base/health ")));
}

#[test]
fn every_setting_is_in_the_description() {
    let probe = HttpProbe::get("http://me:pw@host/health")
        .header("authorization", "Bearer hunter2-hunter2")
        .expect_status(200..=204)
        .expect_header("x-release", "v2")
        .expect_json("/ok", true)
        .successes(3);
    assert_eq!(
        probe.describe().to_string(),
        "HttpProbe deadline=\"60s\", every=\"1s\", expect_header=[\"x-release: v2\"], expect_json=[\"/ok: true\"], \
         expect_status=[\"200-204\"], get=\"http://host/health\", headers=[\"authorization\"], successes=3, \
         try_timeout=\"5s\""
    );
}
