//! The TCP probe.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::text::{brief, without_login};
use super::tries::{Miss, Schedule};
use crate::backend::{Address, BackendError, Description, HealthProbe, ProbeReport, ProbeTarget};

/// Opens connections until one was accepted often enough in a row, or the time is up. Sends nothing, and closes each at
/// once.
///
/// A weak proof: load balancers and meshes accept connections for applications that are gone. Where the application
/// speaks HTTP, ask it with an [`HttpProbe`](super::HttpProbe).
#[derive(Debug, Clone, Default)]
pub struct TcpProbe {
    port: Option<u16>,
    schedule: Schedule,
}

impl TcpProbe {
    /// A probe of the host and port of [`ProbeTarget::address`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects to this port of the address' host instead.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// How many tries in a row must be good; 1 by default. One that isn't starts the count again.
    #[must_use]
    pub const fn successes(mut self, successes: u32) -> Self {
        self.schedule.successes = successes;
        self
    }

    /// The pause after a try, a good one too: many at once say little more than one. 1 second by default.
    #[must_use]
    pub const fn every(mut self, pause: Duration) -> Self {
        self.schedule.every = pause;
        self
    }

    /// How long one try may take; 5 seconds by default.
    #[must_use]
    pub const fn try_timeout(mut self, timeout: Duration) -> Self {
        self.schedule.try_timeout = timeout;
        self
    }

    /// How long the whole check may take; 60 seconds by default. A check ends earlier when no further try could begin
    /// before it.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.schedule.deadline = deadline;
        self
    }

    /// `host:port`, with brackets around an IPv6 host.
    fn place(&self, address: &Address) -> Result<String, BackendError> {
        let url = Url::parse(&address.0).ok();
        let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
        let port = self.port.or_else(|| url.as_ref().and_then(Url::port_or_known_default));
        match (host, port) {
            (Some(host), Some(port)) => Ok(format!("{host}:{port}")),
            (host, _) => {
                let what = if host.is_none() { "host" } else { "port" };
                Err(unusable(format!(
                    "the address {} names no {what}; expected one like http://host:port",
                    without_login(&address.0)
                )))
            }
        }
    }
}

fn unusable(message: String) -> BackendError {
    BackendError::Unusable { object: "TcpProbe".to_owned(), message }
}

async fn attempt(place: &str, until: Instant) -> Result<String, Miss> {
    let begin = Instant::now();
    match timeout_at(until, TcpStream::connect(place)).await {
        Ok(Ok(_)) => Ok("accepted a connection".to_owned()),
        Ok(Err(error)) => {
            Err(Miss { what: "could not be reached".to_owned(), detail: Some(error.to_string()), timed_out: false })
        }
        Err(_) => {
            let what = format!("accepted no connection within {}", brief(begin.elapsed()));
            Err(Miss { what, detail: None, timed_out: true })
        }
    }
}

#[async_trait]
impl HealthProbe for TcpProbe {
    fn describe(&self) -> Description {
        let description = self.schedule.describe(Description::new("TcpProbe"));
        match self.port {
            Some(port) => description.with("port", port),
            None => description,
        }
    }

    fn needs_address(&self) -> bool {
        true
    }

    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let faults: Vec<_> = self.schedule.faults().collect();
        if !faults.is_empty() {
            return Err(unusable(faults.join("; ")));
        }
        let Some(address) = &target.address else {
            return Err(unusable(format!("there is no address of {}", target.color)));
        };
        let place = self.place(address)?;
        let schedule = if target.once { self.schedule.once() } else { self.schedule };
        Ok(schedule.run(format!("TCP {place}"), |until| attempt(&place, until)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_come_from_the_address() {
        let (as_written, other) = (TcpProbe::new(), TcpProbe::new().port(5432));
        for (probe, address, place) in [
            (&as_written, "http://10.0.0.1:8080", Some("10.0.0.1:8080")),
            (&as_written, "https://shop.example", Some("shop.example:443")),
            (&as_written, "tcp://[::1]:6379", Some("[::1]:6379")),
            (&other, "http://10.0.0.1:8080", Some("10.0.0.1:5432")),
            (&as_written, "tcp://10.0.0.1", None),
            (&other, "10.0.0.1", None),
        ] {
            assert_eq!(probe.place(&Address(address.to_owned())).ok().as_deref(), place, "{address}");
        }
    }
}
