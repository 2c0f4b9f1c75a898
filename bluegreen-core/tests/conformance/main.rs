//! The backends of the core under the suites of the testkit.

#[cfg(feature = "http")]
mod http;
mod journal;

use std::process::ExitCode;

use bluegreen_testkit::conformance::{self, Suite};

fn main() -> ExitCode {
    let journals = [
        conformance::journal::suite("MemoryJournal", journal::in_memory),
        conformance::journal::suite("FileJournal", journal::in_files),
    ];
    conformance::run(journals.into_iter().chain(over_http()))
}

#[cfg(feature = "http")]
fn over_http() -> Vec<Suite> {
    vec![
        conformance::health_probe::suite("HttpProbe", http::http_probe),
        conformance::health_probe::suite("HttpProbeOfUrl", http::http_probe_of_url),
        conformance::health_probe::suite("TcpProbe", http::tcp_probe),
        conformance::drainer::suite("HttpDrain", http::drain),
    ]
}

#[cfg(not(feature = "http"))]
fn over_http() -> Vec<Suite> {
    Vec::new()
}
