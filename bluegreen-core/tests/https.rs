//! HTTPS: said to be missing where it is; where it isn't, no panic, and nothing done to the process.
//!
//! In a process of its own, in which nobody installs a provider.
#![cfg(feature = "http")]

use std::time::Duration;

use bluegreen_core::http::HttpProbe;
use bluegreen_core::{Address, Color, HealthProbe, ProbeTarget, Verdict, Via};
use tokio::net::TcpListener;

fn target(address: String) -> ProbeTarget {
    ProbeTarget {
        color: Color::Green,
        via: Via::Preview,
        address: Some(Address(address)),
        endpoints: Vec::new(),
        once: false,
    }
}

#[tokio::test]
async fn https_is_tried_or_refused_by_name_and_never_panics() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = silent.local_addr().unwrap();
    let probe = HttpProbe::get("/").deadline(Duration::from_millis(300));

    let plain = probe.check(&target(format!("http://{host}"))).await.unwrap();
    assert_eq!(plain.verdict, Verdict::Fail, "{}", plain.summary);

    let secure = probe.check(&target(format!("https://{host}"))).await;
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    {
        match secure {
            Ok(report) => assert_eq!(report.verdict, Verdict::Fail, "{}", report.summary),
            // A machine without certificates.
            Err(error) => assert!(error.to_string().starts_with("the HTTP client of HttpProbe can't be used")),
        }
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    assert_eq!(
        secure.unwrap_err().to_string(),
        "HttpProbe can't use https without the feature `ring` or `aws-lc-rs` of bluegreen-core, or a client of the \
         caller's"
    );
}
