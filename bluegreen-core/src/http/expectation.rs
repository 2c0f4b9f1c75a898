//! What an answer must be to count as healthy.

use std::fmt;
use std::ops::RangeInclusive;

use reqwest::header::{HeaderName, HeaderValue, LOCATION};
use serde_json::Value;

use super::exchange::{Answer, BODY_LIMIT, BodyEnd};
use super::text::{Secrets, brief};

/// One HTTP status or a range of them, made from `204` or `200..=299`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statuses {
    first: u16,
    last: u16,
}

impl Statuses {
    pub(super) const SUCCESS: Self = Self { first: 200, last: 299 };

    pub(super) const fn is_empty(self) -> bool {
        self.first > self.last
    }

    const fn contain(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }
}

impl From<u16> for Statuses {
    fn from(status: u16) -> Self {
        Self { first: status, last: status }
    }
}

impl From<RangeInclusive<u16>> for Statuses {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self { first: *range.start(), last: *range.end() }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

/// Everything that is expected of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectation {
    /// Any of these; a success where there are none.
    pub(super) statuses: Vec<Statuses>,
    /// All of these.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// All of these, by JSON pointer.
    pub(super) json: Vec<(String, Value)>,
}

impl Expectation {
    pub(super) fn statuses(&self) -> &[Statuses] {
        if self.statuses.is_empty() { &[Statuses::SUCCESS] } else { &self.statuses }
    }

    /// What is wrong with `answer`, as the rest of a sentence that begins with its URL; what it came to, if nothing is.
    pub(super) fn judge(&self, answer: &Answer, secrets: &Secrets) -> Result<String, String> {
        let status = answer.status.as_u16();
        let answered = format!("answered {status}");
        if let Some(url) = &answer.redirected_to {
            // Something else was asked than what was to be judged.
            let to = secrets.quote(url.as_str().as_bytes());
            return Err(format!("was left for {to}, because the client that was given follows redirects"));
        }
        if !self.statuses().iter().any(|statuses| statuses.contain(status)) {
            let location = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection());
            let to = location.map(|location| format!(", a redirect to {}", secrets.quote(location.as_bytes())));
            return Err(answered + &to.unwrap_or_default());
        }
        match &answer.end {
            BodyEnd::TimedOut(after) => {
                return Err(format!("{answered}, but its body had no end in {}", brief(*after)));
            }
            BodyEnd::Broken(why) => return Err(format!("{answered}, but its body broke off ({why})")),
            BodyEnd::Whole | BodyEnd::Capped => {}
        }
        let mut faults = self.header_faults(answer, secrets);
        faults.extend(self.json_faults(answer, secrets));
        if faults.is_empty() { Ok(answered) } else { Err(format!("{answered}, but {}", faults.join(" and "))) }
    }

    fn header_faults(&self, answer: &Answer, secrets: &Secrets) -> Vec<String> {
        let fault = |(name, expected): &(HeaderName, HeaderValue)| {
            let found = answer.headers.get_all(name);
            if found.iter().any(|value| value == expected) {
                return None;
            }
            let found: Vec<_> = found.iter().map(|value| secrets.quote(value.as_bytes())).collect();
            let found = if found.is_empty() { "missing".to_owned() } else { found.join(", ") };
            Some(format!("header {name} is {found} instead of {}", secrets.quote(expected.as_bytes())))
        };
        self.headers.iter().filter_map(fault).collect()
    }

    fn json_faults(&self, answer: &Answer, secrets: &Secrets) -> Vec<String> {
        if self.json.is_empty() {
            return Vec::new();
        }
        if answer.end == BodyEnd::Capped {
            return vec![format!("its body is longer than {} KiB and wasn't read as JSON", BODY_LIMIT / 1024)];
        }
        let body: Value = match serde_json::from_slice(&answer.body) {
            Ok(body) => body,
            Err(error) => return vec![format!("its body is not JSON ({error})")],
        };
        let fault = |(pointer, expected): &(String, Value)| {
            let found = body.pointer(pointer);
            if found == Some(expected) {
                return None;
            }
            let found = found.map_or_else(|| "missing".to_owned(), |found| secrets.plain(&found.to_string()));
            let place = if pointer.is_empty() { "the JSON" } else { pointer };
            Some(format!("{place} is {found} instead of {}", secrets.plain(&expected.to_string())))
        };
        self.json.iter().filter_map(fault).collect()
    }
}

/// Whether `pointer` can point at anything, as RFC 6901 has it.
pub(super) fn is_pointer(pointer: &str) -> bool {
    pointer.is_empty() || pointer.starts_with('/')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let headers = headers.iter();
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect(),
            body: body.into(),
            end: BodyEnd::Whole,
            redirected_to: None,
        }
    }

    #[test]
    fn a_mismatch_says_what_was_found_and_what_was_expected() {
        let expectation = Expectation {
            statuses: vec![Statuses::from(204), Statuses::from(200..=201)],
            headers: vec![(HeaderName::from_static("x-release"), HeaderValue::from_static("v2"))],
            json: vec![("/db/ok".to_owned(), json!(true)), ("/queue".to_owned(), json!(0))],
        };
        let v2 = ("x-release", "v2");
        let good = r#"{"db":{"ok":true},"queue":0}"#;
        for (answer, judgement) in [
            (answer(204, &[v2], good), Ok("answered 204")),
            (answer(200, &[("x-release", "v1"), v2], good), Ok("answered 200")),
            (answer(202, &[v2], good), Err("answered 202")),
            (answer(302, &[("location", "/login")], ""), Err("answered 302, a redirect to \"/login\"")),
            (answer(200, &[], good), Err("answered 200, but header x-release is missing instead of \"v2\"")),
            (
                answer(200, &[("x-release", "v1")], r#"{"db":{"ok":"no"}}"#),
                Err("answered 200, but header x-release is \"v1\" instead of \"v2\" and /db/ok is \"no\" instead of \
                     true and /queue is missing instead of 0"),
            ),
            (
                answer(200, &[v2], "boom"),
                Err("answered 200, but its body is not JSON (expected value at line 1 column 1)"),
            ),
            (
                Answer { end: BodyEnd::Capped, ..answer(200, &[v2], good) },
                Err("answered 200, but its body is longer than 64 KiB and wasn't read as JSON"),
            ),
            (
                Answer { end: BodyEnd::TimedOut(Duration::from_secs(5)), ..answer(200, &[v2], good) },
                Err("answered 200, but its body had no end in 5.0s"),
            ),
            (
                Answer { end: BodyEnd::Broken("reset".to_owned()), ..answer(200, &[v2], good) },
                Err("answered 200, but its body broke off (reset)"),
            ),
            (
                Answer { redirected_to: "http://b/".parse().ok(), ..answer(200, &[v2], good) },
                Err("was left for \"http://b/\", because the client that was given follows redirects"),
            ),
        ] {
            let found = expectation.judge(&answer, &Secrets::default());
            assert_eq!(found.as_deref().map_err(String::as_str), judgement);
        }
    }

    #[test]
    fn without_expectations_every_success_will_do_and_nothing_else() {
        for (status, passes) in [(199, false), (200, true), (204, true), (299, true), (301, false), (404, false)] {
            let judgement = Expectation::default().judge(&answer(status, &[], ""), &Secrets::default());
            assert_eq!(judgement.is_ok(), passes, "{status}");
        }
    }
}
