//! What a TCP probe says of open and closed ports.

use std::time::Duration;

use bluegreen_core::http::TcpProbe;
use bluegreen_core::{HealthProbe, ProbeTarget, Verdict};

use crate::server::{Server, answer, deserted, target, timeless};

#[tokio::test]
async fn an_open_port_passes_and_a_closed_one_fails() {
    let server = Server::replying([answer(200, "", "")]).await;
    let open = server.address.port();
    let probe = TcpProbe::new().successes(2).every(Duration::from_millis(10));
    for probe in [&probe, &probe.clone().port(open)] {
        let report = probe.check(&server.target()).await.unwrap();
        assert_eq!((report.verdict, report.tries), (Verdict::Pass, 2));
        let says = "TCP 127.0.0.1:_ accepted a connection 2 times in a row after 2 tries in _";
        assert_eq!(timeless(&report.summary), says);
    }

    let (_held, closed) = deserted();
    let report =
        TcpProbe::new().port(closed.port()).deadline(Duration::from_millis(500)).check(&server.target()).await.unwrap();
    assert_eq!((report.verdict, report.tries), (Verdict::Fail, 1));
    assert!(report.summary.contains(" could not be reached after 1 try in "), "{}", report.summary);
    assert!(report.summary.contains("Connection refused"), "{}", report.summary);
}

#[tokio::test]
async fn without_an_address_it_can_not_work() {
    let probe = TcpProbe::new();
    assert!(probe.needs_address());
    for (target, says) in [
        (ProbeTarget { address: None, ..target("") }, "there is no address of green"),
        (target("tcp://me:pw@host"), "the address tcp://host names no port; expected one like http://host:port"),
    ] {
        let error = probe.check(&target).await.unwrap_err();
        assert_eq!(error.to_string(), format!("TcpProbe can't be used: {says}"));
    }
}
