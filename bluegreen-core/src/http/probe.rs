//! The HTTP probe.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONNECTION, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Url};
use serde_json::Value;
use tokio::time::Instant;

use super::client::HttpClient;
use super::exchange::{NoAnswer, exchange};
use super::expectation::{Expectation, Statuses, is_pointer};
use super::text::{Secrets, without_login};
use super::tries::{Miss, Schedule};
use crate::backend::{BackendError, Description, HealthProbe, ProbeReport, ProbeTarget, chain};

/// Sends `GET` requests until the answer was as expected often enough in a row, or the time is up.
///
/// Every try opens a connection of its own, so that it goes where new users go. Redirects are never followed and no proxy
/// is used. A body is read to its end, but not further than 64 KiB. See the [module](super) for examples.
///
/// Setters never fail: settings that make no sense, like a header name with a space, are reported together by
/// [`check`](HealthProbe::check), as [`BackendError::Unusable`], before anything is sent.
#[derive(Debug, Clone)]
pub struct HttpProbe {
    place: Place,
    headers: Vec<(HeaderName, HeaderValue)>,
    expectation: Expectation,
    schedule: Schedule,
    client: HttpClient,
    faults: Vec<String>,
}

impl HttpProbe {
    /// A probe of `place`: a path and query, which is joined to [`ProbeTarget::address`], or a whole `http://` or
    /// `https://` URL, which is used as it is.
    ///
    /// The place is part of the plan and of reports, so it must not hold secrets: they belong into a
    /// [`header`](Self::header). Only a login in a URL is left out of both.
    pub fn get(place: impl Into<String>) -> Self {
        Self {
            place: Place(place.into()),
            headers: Vec::new(),
            expectation: Expectation::default(),
            schedule: Schedule::default(),
            client: HttpClient::default(),
            faults: Vec::new(),
        }
    }

    /// Sends a header along. Its value is taken for a secret: plans, reports and logs hold only its name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some((name, mut value)) = self.parse_header(name, value) {
            value.set_sensitive(true);
            self.headers.push((name, value));
        }
        self
    }

    /// Expects a status, `204`, or one of a range, `200..=299`. Repeatable: any of them will do. Without this, any 2xx
    /// will.
    #[must_use]
    pub fn expect_status(mut self, statuses: impl Into<Statuses>) -> Self {
        let statuses = statuses.into();
        if statuses.is_empty() {
            self.faults.push(format!("no status is in {statuses}"));
        }
        self.expectation.statuses.push(statuses);
        self
    }

    /// Expects the answer to have a header with exactly this value. Repeatable: all must be there.
    #[must_use]
    pub fn expect_header(mut self, name: &str, value: &str) -> Self {
        let header = self.parse_header(name, value);
        self.expectation.headers.extend(header);
        self
    }

    /// Expects the body to be JSON with `value` at `pointer`, as in `/checks/0/status`; the empty pointer is the whole
    /// body. Repeatable: all must be there. A body of more than 64 KiB never passes, and `1` is not `1.0`.
    #[must_use]
    pub fn expect_json(mut self, pointer: impl Into<String>, value: impl Into<Value>) -> Self {
        let pointer = pointer.into();
        if !is_pointer(&pointer) {
            self.faults.push(format!("{pointer:?} is not a JSON pointer: it has to begin with `/`"));
        }
        self.expectation.json.push((pointer, value.into()));
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

    /// How long one try may take, from connecting to the end of the body; 5 seconds by default.
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

    /// Sends through this client: for certificates of one's own, or a proxy.
    ///
    /// It should be built with `redirect(Policy::none())`, as an answer from elsewhere never passes, and with
    /// `pool_max_idle_per_host(0)`, as a connection that was opened before a switch still leads to the old color.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = HttpClient::given(client);
        self
    }

    /// A header, or a fault that names it without its value.
    fn parse_header(&mut self, name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
        let Ok(parsed) = name.parse::<HeaderName>() else {
            self.faults.push(format!("{name:?} is not a header name"));
            return None;
        };
        let Ok(value) = value.parse::<HeaderValue>() else {
            self.faults.push(format!("the value of header {parsed} has characters that a header can't have"));
            return None;
        };
        Some((parsed, value))
    }

    fn unusable(&self, message: String) -> BackendError {
        BackendError::Unusable { object: format!("HttpProbe {}", self.place), message }
    }

    fn url(&self, target: &ProbeTarget) -> Result<Url, BackendError> {
        let text = if self.place.is_url() {
            self.place.0.clone()
        } else {
            let Some(address) = &target.address else {
                let message = format!("there is no address of {} to join it to; give a whole URL", target.color);
                return Err(self.unusable(message));
            };
            format!("{}/{}", address.0.trim_end_matches('/'), self.place.0.trim_start_matches('/'))
        };
        let bad = |why: &str| self.unusable(format!("{} is not a URL to probe: {why}", without_login(&text)));
        let url = Url::parse(&text).map_err(|error| bad(&error.to_string()))?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err(bad("it has to begin with http:// or https://")),
        }
    }

    fn request(&self, url: Url) -> Request {
        let mut request = Request::new(Method::GET, url);
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        request
    }

    async fn attempt(&self, client: &Client, url: Url, until: Instant) -> Result<String, Miss> {
        let headers = self.headers.iter().map(|(_, value)| value.as_bytes());
        let secrets = Secrets::in_values(headers.chain(url.password().map(str::as_bytes)));
        match exchange(client, self.request(url), until).await {
            Ok(answer) => self.expectation.judge(&answer, &secrets).map_err(|what| {
                let detail = (!answer.body.is_empty()).then(|| secrets.quote(&answer.body));
                Miss { what, detail, timed_out: false }
            }),
            Err(error) => {
                let timed_out = matches!(error, NoAnswer::TimedOut(_));
                let detail = std::error::Error::source(&error).map(chain);
                Err(Miss { what: error.to_string(), detail, timed_out })
            }
        }
    }
}

/// A path, or a whole URL; shown without the login that may be in it.
#[derive(Clone)]
struct Place(String);

impl Place {
    fn is_url(&self) -> bool {
        self.0.starts_with("http://") || self.0.starts_with("https://")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_login(&self.0))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&without_login(&self.0), f)
    }
}

#[async_trait]
impl HealthProbe for HttpProbe {
    /// Every setting but the values of request headers and what is in a given client.
    fn describe(&self) -> Description {
        let Expectation { headers, json, .. } = &self.expectation;
        let statuses: Vec<_> = self.expectation.statuses().iter().map(ToString::to_string).collect();
        let mut description = Description::new("HttpProbe").with("get", self.place.to_string());
        description = self.schedule.describe(description).with("expect_status", statuses);
        if !self.headers.is_empty() {
            let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
            description = description.with("headers", names);
        }
        if !headers.is_empty() {
            let pairs =
                headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
            description = description.with("expect_header", pairs.collect::<Vec<_>>());
        }
        if !json.is_empty() {
            let pairs = json.iter().map(|(pointer, value)| format!("{pointer}: {value}"));
            description = description.with("expect_json", pairs.collect::<Vec<_>>());
        }
        if self.client.is_given() {
            description = description.with("client", "given");
        }
        description
    }

    /// Unless it was given a whole URL.
    fn needs_address(&self) -> bool {
        !self.place.is_url()
    }

    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let faults: Vec<_> = self.faults.iter().cloned().chain(self.schedule.faults()).collect();
        if !faults.is_empty() {
            return Err(self.unusable(faults.join("; ")));
        }
        let url = self.url(target)?;
        let client = self.client.for_url(&url, "HttpProbe")?;
        let subject = format!("GET {}", without_login(url.as_str()));
        let schedule = if target.once { self.schedule.once() } else { self.schedule };
        Ok(schedule.run(subject, |until| self.attempt(client, url.clone(), until)).await)
    }
}
