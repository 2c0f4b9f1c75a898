//! Draining over HTTP.

use std::net::Ipv6Addr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use reqwest::{Method, Request, Url};
use tokio::time::Instant;

use super::client::HttpClient;
use super::exchange::{Answer, BodyEnd, NoAnswer, exchange};
use super::expectation::is_pointer;
use super::text::Secrets;
use crate::backend::{BackendError, Description, Drainer, Effect, Endpoint, OpenConnections};

/// So many endpoints are asked at the same time.
const AT_ONCE: usize = 16;

/// Longer timeouts count as this; it keeps sums of times in range.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Drains applications that can be told to over HTTP: `POST /drain` begins, `DELETE /drain` takes it back, and
/// `GET /connections` answers JSON with the number of open connections at `/open`.
///
/// Each endpoint is asked by itself, at its own address and the given port, over plain HTTP. Any 2xx is a yes. All
/// endpoints are asked even if one fails; the error is about the one that it names, and a call that failed may be
/// repeated. An endpoint without an address, or with an answer that isn't understood, is [`BackendError::Unusable`]; one
/// that is gone can't be reached, so leave it out.
#[derive(Debug, Clone)]
pub struct HttpDrain {
    port: u16,
    begin_path: String,
    open_path: String,
    open_pointer: String,
    timeout: Duration,
    client: HttpClient,
}

impl HttpDrain {
    /// Drains at `port` of every endpoint.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self {
            port,
            begin_path: "/drain".to_owned(),
            open_path: "/connections".to_owned(),
            open_pointer: "/open".to_owned(),
            timeout: Duration::from_secs(5),
            client: HttpClient::default(),
        }
    }

    /// Where to `POST` to begin, and to `DELETE` to take it back; `/drain` by default.
    #[must_use]
    pub fn begin_path(mut self, path: impl Into<String>) -> Self {
        self.begin_path = path.into();
        self
    }

    /// Where to `GET` how many connections are open; `/connections` by default.
    #[must_use]
    pub fn open_path(mut self, path: impl Into<String>) -> Self {
        self.open_path = path.into();
        self
    }

    /// The JSON pointer to the number in that answer; `/open` by default.
    #[must_use]
    pub fn open_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.open_pointer = pointer.into();
        self
    }

    /// How long one endpoint may take to answer; 5 seconds by default.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Does the same to all endpoints, and returns what came back or the error that matters most.
    async fn ask(&self, call: Call, endpoints: &[Endpoint]) -> Result<Vec<(Asked, Answer)>, BackendError> {
        let answers = stream::iter(endpoints.to_vec()).map(|endpoint| self.ask_one(call, endpoint)).buffered(AT_ONCE);
        let (mut good, mut bad) = (Vec::new(), None::<BackendError>);
        for answer in answers.collect::<Vec<_>>().await {
            match (answer, &bad) {
                (Ok(answer), _) => good.push(answer),
                (Err(error), None) => bad = Some(error),
                // Who decides by the error has to know that something is in doubt.
                (Err(error), Some(first)) if first.effect() == Effect::No && error.effect() == Effect::Unknown => {
                    bad = Some(error);
                }
                (Err(_), Some(_)) => {}
            }
        }
        bad.map_or(Ok(good), Err)
    }

    async fn ask_one(&self, call: Call, endpoint: Endpoint) -> Result<(Asked, Answer), BackendError> {
        let asked = Asked { call, object: endpoint.name.clone() };
        let url = self.url(call, &endpoint).map_err(|message| asked.unusable(message))?;
        let asked = Asked { object: format!("{} ({url})", endpoint.name), ..asked };
        let client = self.client.for_url(&url, "HttpDrain")?;
        let until = Instant::now() + self.timeout.min(LONGEST);
        match exchange(client, Request::new(call.method(), url), until).await {
            Ok(answer) if answer.status.is_success() => Ok((asked, answer)),
            Ok(answer) => Err(asked.refused(&answer)),
            Err(error) => Err(asked.unanswered(error, self.timeout)),
        }
    }

    fn url(&self, call: Call, endpoint: &Endpoint) -> Result<Url, String> {
        let address = endpoint.address.as_deref().ok_or("it has no network address to ask it at")?;
        let host = if address.parse::<Ipv6Addr>().is_ok() { format!("[{address}]") } else { address.to_owned() };
        let path = match call {
            Call::Begin | Call::Cancel => &self.begin_path,
            Call::Count => &self.open_path,
        };
        let text = format!("http://{host}:{}/{}", self.port, path.trim_start_matches('/'));
        Url::parse(&text).map_err(|error| format!("{text} is not a URL: {error}"))
    }

    /// The number in an answer.
    fn count(&self, asked: &Asked, answer: &Answer) -> Result<u64, BackendError> {
        let pointer = &self.open_pointer;
        if !is_pointer(pointer) {
            return Err(asked.unusable(format!("{pointer:?} is not a JSON pointer: it has to begin with `/`")));
        }
        let json = (answer.end == BodyEnd::Whole).then(|| serde_json::from_slice::<serde_json::Value>(&answer.body));
        let count = json.and_then(Result::ok).and_then(|json| json.pointer(pointer)?.as_u64());
        count.ok_or_else(|| {
            let body = Secrets::default().quote(&answer.body);
            asked.unusable(format!("expected JSON with the number of open connections at {pointer}, found {body}"))
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Begin,
    Cancel,
    Count,
}

impl Call {
    const fn method(self) -> Method {
        match self {
            Self::Begin => Method::POST,
            Self::Cancel => Method::DELETE,
            Self::Count => Method::GET,
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Begin => "begin draining",
            Self::Cancel => "stop draining",
            Self::Count => "count the open connections of",
        }
    }
}

/// What was asked of whom; makes errors that name both.
#[derive(Debug)]
struct Asked {
    call: Call,
    object: String,
}

impl Asked {
    fn unusable(&self, message: impl Into<String>) -> BackendError {
        BackendError::Unusable { object: self.object.clone(), message: message.into() }
    }

    fn refused(self, answer: &Answer) -> BackendError {
        let action = self.call.action().to_owned();
        let message = format!("answered {}: {}", answer.status.as_u16(), Secrets::default().quote(&answer.body));
        match (answer.status.as_u16(), self.call) {
            (401 | 403, _) => BackendError::Denied { action, object: self.object, message },
            // It began to work on it, and then something went wrong.
            (500.., Call::Begin | Call::Cancel) => {
                BackendError::Unknown { action, object: self.object, source: message.into() }
            }
            (500.., Call::Count) => BackendError::Unavailable { action, object: self.object, source: message.into() },
            _ => BackendError::Refused { action, object: self.object, message },
        }
    }

    fn unanswered(self, error: NoAnswer, timeout: Duration) -> BackendError {
        let (action, object) = (self.call.action().to_owned(), self.object);
        match error {
            NoAnswer::TimedOut(_) => BackendError::TimedOut { action, object, after: timeout },
            NoAnswer::Unreached(error) => BackendError::Unavailable { action, object, source: error.into() },
            NoAnswer::Broken(error) => BackendError::Unknown { action, object, source: error.into() },
        }
    }
}

#[async_trait]
impl Drainer for HttpDrain {
    fn describe(&self) -> Description {
        Description::new("HttpDrain")
            .with("port", self.port)
            .with("begin_path", self.begin_path.as_str())
            .with("open_path", self.open_path.as_str())
            .with("open_pointer", self.open_pointer.as_str())
            .with("timeout", format!("{:?}", self.timeout))
    }

    async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        self.ask(Call::Begin, endpoints).await.map(drop)
    }

    async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        self.ask(Call::Cancel, endpoints).await.map(drop)
    }

    async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError> {
        let mut count = 0_u64;
        for (asked, answer) in self.ask(Call::Count, endpoints).await? {
            count = count.saturating_add(self.count(&asked, &answer)?);
        }
        Ok(OpenConnections { count })
    }
}
