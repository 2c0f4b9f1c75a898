//! The account of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::{Answer, Failure};

/// How many examples of what went wrong are kept; all are counted.
const EXAMPLES: usize = 100;

/// What became of the requests of a load. All times count from its start.
///
/// Once the load has ended, `sent` is the sum of `answered`, `lost_total` and those of the `own_errors` that concern a
/// request which was begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadReport {
    /// The requests begun.
    pub(crate) sent: u64,
    /// The requests answered, with whatever status.
    pub(crate) answered: u64,
    /// The answers by version, as the header `x-version` tells it; `?` if it is missing.
    pub(crate) answered_by: BTreeMap<String, u64>,
    /// The answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// The first of the requests lost.
    pub(crate) lost: Vec<Lost>,
    /// The number of requests lost.
    pub(crate) lost_total: u64,
    /// The number of requests that the load itself could not carry out, for lack of ports, descriptors, memory or
    /// processor time. They say nothing about the server, but a test with many of them says nothing either.
    pub(crate) own_errors: u64,
    /// The first of the reasons for `own_errors`.
    pub(crate) own_error_reasons: Vec<String>,
    /// Persistent connections that the server closed without having announced it, but while they were idle. No request
    /// was lost by that, although one could have been.
    pub(crate) closed_while_idle: u64,
    /// The longest time an answer took.
    pub(crate) slowest: Duration,
    /// The longest time without a good answer, which is one with a status below 500.
    pub(crate) longest_gap: Duration,
    times: BTreeMap<String, Times>,
}

/// A request that was not answered.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    /// Which request.
    pub(crate) number: u64,
    /// When the request began.
    pub(crate) at: Duration,
    /// How long after that it was known to be lost.
    pub(crate) after: Duration,
    /// What happened instead of an answer.
    pub(crate) error: String,
}

/// When a version answered.
#[derive(Clone, Copy, Debug)]
struct Times {
    first_answer: Duration,
    last_answer: Duration,
    last_start: Duration,
}

/// A report in the making.
#[derive(Debug, Default)]
pub(super) struct Tally {
    report: LoadReport,
    last_good: Duration,
    ended: Option<Duration>,
}

impl LoadReport {
    /// The requests that a user would complain about: those lost and those answered with a server error.
    pub(crate) fn failed(&self) -> u64 {
        let server_errors: u64 = self.statuses.range(500..).map(|(_, count)| count).sum();
        self.lost_total + server_errors
    }

    /// When the version answered for the first time.
    pub(crate) fn first_answer_by(&self, version: &str) -> Option<Duration> {
        self.times.get(version).map(|times| times.first_answer)
    }

    /// When the version answered for the last time.
    pub(crate) fn last_answer_by(&self, version: &str) -> Option<Duration> {
        self.times.get(version).map(|times| times.last_answer)
    }

    /// When the latest of the requests that the version answered began.
    pub(crate) fn last_start_answered_by(&self, version: &str) -> Option<Duration> {
        self.times.get(version).map(|times| times.last_start)
    }
}

impl Tally {
    /// A request begins.
    pub(super) fn sends(&mut self) {
        self.report.sent += 1;
    }

    /// A request that began at `start` was answered at `now`.
    pub(super) fn answered(&mut self, answer: Answer, start: Duration, now: Duration) {
        let report = &mut self.report;
        report.answered += 1;
        report.slowest = report.slowest.max(now.saturating_sub(start));
        *report.statuses.entry(answer.status).or_default() += 1;
        report
            .times
            .entry(answer.version.clone())
            .and_modify(|times| {
                times.last_answer = now;
                times.last_start = times.last_start.max(start);
            })
            .or_insert(Times { first_answer: now, last_answer: now, last_start: start });
        *report.answered_by.entry(answer.version).or_default() += 1;
        if answer.status < 500 {
            report.longest_gap = report.longest_gap.max(now.saturating_sub(self.last_good));
            self.last_good = now;
        }
    }

    /// A request that began at `start` will not be answered, as is known at `now`.
    pub(super) fn failed(&mut self, failure: Failure, number: u64, start: Duration, now: Duration) {
        match failure {
            Failure::Lost(error) => {
                self.report.lost_total += 1;
                if self.report.lost.len() < EXAMPLES {
                    let after = now.saturating_sub(start);
                    self.report.lost.push(Lost { number, at: start, after, error });
                }
            }
            Failure::Own(reason) => self.own_errors(1, reason),
        }
    }

    /// The load could not carry out some requests.
    pub(super) fn own_errors(&mut self, count: u64, reason: String) {
        self.report.own_errors += count;
        if self.report.own_error_reasons.len() < EXAMPLES {
            self.report.own_error_reasons.push(reason);
        }
    }

    /// The server closed a connection while it was idle.
    pub(super) fn closed_while_idle(&mut self) {
        self.report.closed_while_idle += 1;
    }

    /// No further request begins, so the time without a good answer ends too.
    pub(super) fn ends(&mut self, now: Duration) {
        self.ended = Some(now);
    }

    /// The report as of `now`.
    pub(super) fn report(&self, now: Duration) -> LoadReport {
        let mut report = self.report.clone();
        let current_gap = self.ended.unwrap_or(now).saturating_sub(self.last_good);
        report.longest_gap = report.longest_gap.max(current_gap);
        report
    }
}
