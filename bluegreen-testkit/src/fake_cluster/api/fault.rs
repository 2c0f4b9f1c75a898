//! What goes wrong between a client and the API server, when a test asks for it.

use std::fmt;
use std::time::Duration;

use http::Method;

use super::super::error::ApiError;

/// A fault that hits the requests it is told to.
///
/// ```
/// use bluegreen_testkit::ApiFault;
///
/// // The next two patches of a Service are turned away; the third one gets through.
/// let fault = ApiFault::refuse(503, "shutting down").on("PATCH", "/services/").times(2);
/// assert_eq!(fault.to_string(), "the next 2 PATCH …/services/…: answered 503");
/// ```
#[derive(Debug, Clone)]
pub struct ApiFault {
    method: String,
    path: String,
    left: u32,
    effect: Effect,
}

/// What happens to a request instead of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// It is answered with an error and changes nothing.
    Refuse(ApiError),
    /// The connection breaks before the server has it.
    Lose,
    /// The server does it, then the connection breaks.
    LoseAnswer,
    /// Nobody ever answers, and it changes nothing.
    Hang,
    /// The server does it, but nobody ever answers.
    HangAnswer,
    /// Nobody ever answers, and the server does it that much later.
    LandLate(Duration),
}

impl ApiFault {
    const fn new(effect: Effect) -> Self {
        Self { method: String::new(), path: String::new(), left: 1, effect }
    }

    /// The server turns a request away with an HTTP status and a message; nothing is changed.
    #[must_use]
    pub fn refuse(code: u16, message: impl Into<String>) -> Self {
        Self::new(Effect::Refuse(ApiError::injected(code, message.into())))
    }

    /// The connection breaks before the server has the request.
    #[must_use]
    pub const fn lose() -> Self {
        Self::new(Effect::Lose)
    }

    /// The connection breaks after the server has done what it was asked for, before the answer.
    #[must_use]
    pub const fn lose_answer() -> Self {
        Self::new(Effect::LoseAnswer)
    }

    /// The request is never answered and changes nothing.
    #[must_use]
    pub const fn hang() -> Self {
        Self::new(Effect::Hang)
    }

    /// The request is done, but never answered.
    #[must_use]
    pub const fn hang_answer() -> Self {
        Self::new(Effect::HangAnswer)
    }

    /// The request is never answered, and is done only that much later, though its client may have given up by then.
    #[must_use]
    pub const fn land_late(after: Duration) -> Self {
        Self::new(Effect::LandLate(after))
    }

    /// Hits only requests of this method whose path, with what is behind the `?`, contains `path`.
    #[must_use]
    pub fn on(self, method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), ..self }
    }

    /// Hits that many requests; one unless set.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.left = count;
        self
    }

    fn hits(&self, method: &Method, path: &str) -> bool {
        (self.method.is_empty() || self.method == method.as_str()) && path.contains(&self.path)
    }
}

impl fmt::Display for ApiFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.method.is_empty() { "requests" } else { &self.method };
        write!(f, "the next {} {method} …{}…: ", self.left, self.path)?;
        match &self.effect {
            Effect::Refuse(error) => write!(f, "answered {}", error.code()),
            Effect::Lose => f.write_str("lost"),
            Effect::LoseAnswer => f.write_str("done, answer lost"),
            Effect::Hang => f.write_str("not answered"),
            Effect::HangAnswer => f.write_str("done, not answered"),
            Effect::LandLate(after) => write!(f, "done {after:?} later, not answered"),
        }
    }
}

/// What is to go wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    faults: Vec<ApiFault>,
    latency: Duration,
    late_watches: Vec<(String, Duration)>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: ApiFault) {
        self.faults.push(fault);
    }

    /// What hits this request; the fault that was asked for first is used up first.
    pub(crate) fn take(&mut self, method: &Method, path: &str) -> Option<Effect> {
        let at = self.faults.iter().position(|fault| fault.left > 0 && fault.hits(method, path))?;
        self.faults[at].left -= 1;
        let effect = self.faults[at].effect.clone();
        self.faults.retain(|fault| fault.left > 0);
        Some(effect)
    }

    pub(crate) const fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    pub(crate) const fn latency(&self) -> Duration {
        self.latency
    }

    pub(crate) fn delay_watches(&mut self, path: &str, by: Duration) {
        self.late_watches.retain(|(known, _)| known != path);
        self.late_watches.push((path.to_owned(), by));
    }

    /// How late the watch at `path` shows what happens.
    pub(crate) fn watch_delay(&self, path: &str) -> Duration {
        let delays = self.late_watches.iter().filter(|(part, _)| path.contains(part));
        delays.map(|(_, by)| *by).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_what_it_names_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.add(ApiFault::lose().on("PATCH", "/services/").times(2));
        faults.add(ApiFault::hang());
        assert!(matches!(faults.take(&Method::PATCH, "/api/v1/namespaces/a/services/b"), Some(Effect::Lose)));
        assert!(matches!(faults.take(&Method::GET, "/api/v1/namespaces/a/services/b"), Some(Effect::Hang)));
        assert!(faults.take(&Method::GET, "/api/v1/namespaces/a/services/b").is_none());
        assert!(matches!(faults.take(&Method::PATCH, "/api/v1/namespaces/a/services/b"), Some(Effect::Lose)));
        assert!(faults.take(&Method::PATCH, "/api/v1/namespaces/a/services/b").is_none());
    }
}
