//! The load of the end-to-end tests against the test application, each proving what the other claims.

// The helpers of tests are tests too, which clippy does not know.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../bluegreen-kube/tests/support/load.rs"]
mod load;
mod support;

use std::net::IpAddr;
use std::time::Duration;

use load::Load;
use support::{AppProcess, refused};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn loses_nothing_at_a_thousand_new_connections_per_second() {
    let app = AppProcess::start(&[("VERSION", "v7")]);
    let load = Load::new_connections(app.address, 1_000).limits(3_000, Duration::from_secs(10)).start().unwrap();
    sleep(Duration::from_millis(3_500)).await;
    let report = load.stop().await;
    assert_eq!((report.failed(), report.own_errors), (0, 0), "{report:#?}");
    assert_eq!((report.sent, report.answered), (3_000, 3_000), "{report:#?}");
    assert_eq!((report.answered_by["v7"], report.statuses[&200]), (3_000, 3_000), "{report:#?}");
    assert!(report.slowest > Duration::ZERO && report.longest_gap > Duration::ZERO);
    assert!(report.first_answer_by("v7") < report.last_start_answered_by("v7"));
    assert!(report.last_start_answered_by("v7") < report.last_answer_by("v7"));
    assert_eq!(report.first_answer_by("v8"), None);
}

#[tokio::test]
async fn loses_nothing_over_persistent_connections() {
    let app = AppProcess::start(&[]);
    let load = Load::keep_alive(app.address, 20, 1_000).start().unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(app.ask("GET /connections").await, (200, r#"{"open":20}"#.to_owned()));
    let report = load.stop().await;
    assert_eq!((report.failed(), report.own_errors, report.closed_while_idle), (0, 0, 0), "{report:#?}");
    assert!(report.answered > 500, "{report:#?}");
    app.wait_until_nobody_is_connected().await;
}

#[tokio::test]
async fn a_drain_loses_nothing_over_persistent_connections() {
    let app = AppProcess::start(&[]);
    let load = Load::keep_alive(app.address, 20, 1_000).start().unwrap();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(app.ask("POST /drain").await.0, 200);
    sleep(Duration::from_millis(500)).await;
    let report = load.stop().await;
    assert_eq!((report.failed(), report.own_errors, report.closed_while_idle), (0, 0, 0), "{report:#?}");
    assert!(report.answered > 500, "{report:#?}");
    app.wait_until_nobody_is_connected().await;
}

#[tokio::test]
async fn a_stop_loses_nothing_while_the_app_still_serves() {
    for kind in [Load::new_connections, |address, rate| Load::keep_alive(address, 20, rate)] {
        let mut app = AppProcess::start(&[("TERM_DELAY", "1s")]);
        let load = kind(app.address, 500).start().unwrap();
        sleep(Duration::from_millis(300)).await;
        app.terminate();
        sleep(Duration::from_millis(500)).await;
        let report = load.stop().await;
        assert_eq!((report.failed(), report.own_errors, report.closed_while_idle), (0, 0, 0), "{report:#?}");
        assert_eq!(app.exit_code().await, Some(0));
    }
}

#[tokio::test]
async fn reports_what_a_kill_loses() {
    for kind in [Load::new_connections, |address, rate| Load::keep_alive(address, 20, rate)] {
        let mut app = AppProcess::start(&[("START_AS", "slow:20ms")]);
        let load = kind(app.address, 500).start().unwrap();
        sleep(Duration::from_millis(300)).await;
        app.kill();
        sleep(Duration::from_millis(300)).await;
        let running = load.snapshot();
        let report = load.stop().await;
        assert!(running.lost_total > 0 && running.sent <= report.sent, "{running:#?}");
        assert!(report.lost_total > 50 && report.answered > 50, "{report:#?}");
        assert_eq!(report.answered + report.lost_total, report.sent, "{report:#?}");
        assert!(report.lost.len() <= 100 && !report.lost[0].error.is_empty(), "{report:#?}");
        assert!(report.lost[0].at > Duration::from_millis(200), "{report:#?}");
        assert!(report.longest_gap >= Duration::from_millis(250), "{report:#?}");
        assert_eq!(report.own_errors, 0, "{report:#?}");
    }
}

#[tokio::test]
async fn counts_server_errors_as_failed_answers() {
    let app = AppProcess::start(&[("START_AS", "fail")]);
    let load = Load::new_connections(app.address, 200).start().unwrap();
    sleep(Duration::from_millis(300)).await;
    let report = load.stop().await;
    assert_eq!(report.lost_total, 0, "{report:#?}");
    assert_eq!((report.failed(), report.statuses[&500]), (report.sent, report.sent), "{report:#?}");
    assert!(report.longest_gap >= Duration::from_millis(300), "no answer was good: {report:#?}");
}

#[tokio::test]
async fn loses_what_is_not_answered_in_time() {
    // Its kernel accepts the connections, but nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    for kind in [Load::new_connections, |address, rate| Load::keep_alive(address, 2, rate)] {
        let load = kind(address, 100).timeout(Duration::from_millis(100)).start().unwrap();
        sleep(Duration::from_millis(500)).await;
        let report = load.stop().await;
        assert_eq!((report.lost_total, report.answered), (report.sent, 0), "{report:#?}");
        assert!(report.lost_total > 20, "{report:#?}");
        assert_eq!(report.own_errors, 0, "{report:#?}");
    }
}

#[tokio::test]
async fn ends_by_itself() {
    let app = AppProcess::start(&[]);
    let by_count = Load::new_connections(app.address, 1_000).limits(50, Duration::from_secs(60)).start().unwrap();
    let by_time = Load::keep_alive(app.address, 5, 100).limits(10_000, Duration::from_millis(200)).start().unwrap();
    sleep(Duration::from_millis(600)).await;
    assert_eq!(by_count.stop().await.answered, 50);
    let report = by_time.stop().await;
    assert!((1..=25).contains(&report.answered), "{report:#?}");
    assert!(report.longest_gap < Duration::from_millis(150), "the gap ends with the load: {report:#?}");
}

#[tokio::test]
async fn ends_with_its_handle() {
    let app = AppProcess::start(&[]);
    drop(Load::keep_alive(app.address, 5, 100).start().unwrap());
    app.wait_until_nobody_is_connected().await;
}

#[tokio::test]
async fn connects_from_the_given_addresses() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sources: [IpAddr; 2] = ["127.0.0.2".parse().unwrap(), "127.0.0.3".parse().unwrap()];
    let load = Load::new_connections(server.local_addr().unwrap(), 1_000)
        .sources(sources)
        .timeout(Duration::from_millis(200))
        .limits(2, Duration::from_secs(5))
        .start()
        .unwrap();
    let mut seen = Vec::new();
    for _ in sources {
        let (_, peer) = timeout(Duration::from_secs(5), server.accept()).await.unwrap().unwrap();
        seen.push(peer.ip());
    }
    seen.sort();
    assert_eq!(seen, sources);
    load.stop().await;
}

#[tokio::test]
async fn keeps_its_own_errors_apart() {
    let app = AppProcess::start(&[]);
    // An address from the range for documentation is none of this machine.
    let load = Load::new_connections(app.address, 100).sources(["192.0.2.1".parse().unwrap()]);
    let load = load.limits(10, Duration::from_secs(5)).start().unwrap();
    sleep(Duration::from_millis(300)).await;
    let report = load.stop().await;
    assert_eq!((report.sent, report.own_errors, report.lost_total), (10, 10, 0), "{report:#?}");
    assert!(!report.own_error_reasons.is_empty());
}

#[tokio::test]
async fn exits_when_told_to() {
    let mut app = AppProcess::start(&[]);
    assert_eq!(app.ask("POST /mode?set=exit").await, (200, "ok\n".to_owned()));
    assert_eq!(app.exit_code().await, Some(1));
    assert_eq!(AppProcess::start(&[("START_AS", "exit-after:100ms")]).exit_code().await, Some(1));
}

#[test]
fn does_not_start_when_told_to_exit_or_misconfigured() {
    assert_eq!(refused(&[("START_AS", "exit")]), (Some(1), "fatal: told to exit at start\n".to_owned()));
    let (code, reason) = refused(&[("START_AS", "dance")]);
    assert_eq!((code, reason.as_str()), (Some(2), "fatal: START_AS: unknown mode \"dance\"\n"));
}
