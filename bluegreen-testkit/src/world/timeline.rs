//! What became of the users' requests, computed from a timeline of what could have answered them.

use std::time::Duration;

use bluegreen_core::{Color, PerColor};

/// What became of all requests that users sent.
///
/// Users send request `k` at `k / rate`, whether or not the ones before were answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Answered well, by color.
    pub answered: PerColor<u64>,
    /// Answered, but badly.
    pub failed: u64,
    /// Not answered at all: they were sent to a color without a ready pod, or nowhere.
    pub lost: u64,
    /// How long a request would have been in danger of being lost, whether or not one was sent.
    pub outage: Duration,
}

impl Ledger {
    /// How many requests were sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.answered.blue + self.answered.green + self.failed + self.lost
    }
}

/// Where the data plane sends new connections, out of the sum of the three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) blue: u32,
    pub(crate) green: u32,
    pub(crate) nowhere: u32,
}

impl Flow {
    /// Whether `color` gets anything.
    pub(crate) const fn reaches(self, color: Color) -> bool {
        match color {
            Color::Blue => self.blue > 0,
            Color::Green => self.green > 0,
        }
    }

    /// How many of the first `requests` go to blue, and how many to either color.
    fn first(self, requests: u64) -> (u64, u64) {
        let (blue, colors) = (u128::from(self.blue), u128::from(self.blue) + u128::from(self.green));
        let sum = colors + u128::from(self.nowhere);
        let part = |weight: u128| (u128::from(requests) * weight).checked_div(sum).unwrap_or(0) as u64;
        (part(blue), part(colors))
    }
}

/// What could answer requests, from one moment on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) flow: Flow,
    /// Whether any pod is ready.
    pub(crate) ready: PerColor<bool>,
    /// The share of bad answers.
    pub(crate) failing: PerColor<f64>,
}

/// What was answered by one color.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) good: u64,
    pub(crate) bad: u64,
    pub(crate) lost: u64,
}

/// The conditions since the world began.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    /// Requests a second.
    rate: u64,
    /// Each holds from its time to the next one's.
    spans: Vec<(Duration, Condition)>,
}

impl Timeline {
    pub(crate) const fn new(rate: u64) -> Self {
        Self { rate, spans: Vec::new() }
    }

    /// Notes the condition that holds from `now` on.
    pub(crate) fn note(&mut self, now: Duration, condition: Condition) {
        if self.spans.last().is_some_and(|(from, _)| *from == now) {
            self.spans.pop();
        }
        if self.spans.last().is_none_or(|(_, last)| *last != condition) {
            self.spans.push((now, condition));
        }
    }

    /// What became of the requests that were sent before `now`.
    pub(crate) fn ledger(&self, now: Duration) -> Ledger {
        let mut ledger = Ledger::default();
        for (from, to, condition) in self.spans(Duration::ZERO, now) {
            let (answers, nowhere) = self.count(from, to, condition);
            for color in Color::ALL {
                *ledger.answered.get_mut(color) += answers.get(color).good;
                ledger.failed += answers.get(color).bad;
                ledger.lost += answers.get(color).lost;
            }
            ledger.lost += nowhere;
            let safe = |color: Color| !condition.flow.reaches(color) || *condition.ready.get(color);
            if condition.flow.nowhere > 0 || !Color::ALL.into_iter().all(safe) {
                ledger.outage += to.saturating_sub(from);
            }
        }
        ledger
    }

    /// What `color` answered to the requests that were sent in a stretch of time.
    pub(crate) fn answers(&self, color: Color, from: Duration, to: Duration) -> Answers {
        let mut sum = Answers::default();
        for (from, to, condition) in self.spans(from, to) {
            let (answers, _) = self.count(from, to, condition);
            let answers = answers.get(color);
            sum.good += answers.good;
            sum.bad += answers.bad;
            sum.lost += answers.lost;
        }
        sum
    }

    /// The conditions that held in a stretch of time, cut to it.
    fn spans(&self, from: Duration, to: Duration) -> impl Iterator<Item = (Duration, Duration, &Condition)> {
        let ends = self.spans.iter().skip(1).map(|(begin, _)| *begin).chain([Duration::MAX]);
        let spans = self.spans.iter().zip(ends);
        spans
            .map(move |((begin, condition), end)| (from.max(*begin), to.min(end), condition))
            .filter(|(from, to, _)| from < to)
    }

    /// Requests of a span by what became of them, and those that went nowhere. A request's fate depends on its number
    /// alone, so that counts of adjoining spans add up.
    fn count(&self, from: Duration, to: Duration, condition: &Condition) -> (PerColor<Answers>, u64) {
        let (first, last) = (self.sent_before(from), self.sent_before(to));
        let ((blue_first, colors_first), (blue_last, colors_last)) =
            (condition.flow.first(first), condition.flow.first(last));
        let answers = PerColor::from_fn(|color| {
            let (first, last) = match color {
                Color::Blue => (blue_first, blue_last),
                Color::Green => (colors_first - blue_first, colors_last - blue_last),
            };
            answers(first, last, *condition.ready.get(color), *condition.failing.get(color))
        });
        (answers, (last - colors_last) - (first - colors_first))
    }

    fn sent_before(&self, time: Duration) -> u64 {
        (time.as_nanos() * u128::from(self.rate)).div_ceil(1_000_000_000) as u64
    }
}

/// What becomes of a color's requests with the numbers from `first` to `last`, end excluded.
fn answers(first: u64, last: u64, ready: bool, failing: f64) -> Answers {
    let count = last.saturating_sub(first);
    if !ready {
        return Answers { lost: count, ..Answers::default() };
    }
    let bad = share(last, failing).saturating_sub(share(first, failing)).min(count);
    Answers { good: count - bad, bad, lost: 0 }
}

/// How many of the first `count` fall under `share`; spread evenly.
pub(crate) fn share(count: u64, share: f64) -> u64 {
    (count as f64 * share).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn to(blue: u32, green: u32) -> Condition {
        Condition {
            flow: Flow { blue, green, nowhere: 0 },
            ready: PerColor { blue: true, green: true },
            failing: PerColor::default(),
        }
    }

    #[test]
    fn every_request_is_accounted_for_once() {
        let mut timeline = Timeline::new(30);
        timeline.note(Duration::ZERO, to(100, 0));
        timeline.note(333 * MS, to(90, 10));
        timeline.note(777 * MS, Condition { failing: PerColor { blue: 0.1, green: 0.5 }, ..to(1, 1) });
        let ledger = timeline.ledger(10_000 * MS);
        assert_eq!(ledger.sent(), 300);
        assert_eq!((ledger.lost, ledger.outage), (0, Duration::ZERO));
        let parts: u64 = (0..100)
            .map(|n| timeline.answers(Color::Green, n * 100 * MS, (n + 1) * 100 * MS))
            .map(|answers| answers.good + answers.bad)
            .sum();
        let whole = timeline.answers(Color::Green, Duration::ZERO, 10_000 * MS);
        assert_eq!(parts, whole.good + whole.bad);
    }

    #[test]
    fn a_color_without_a_ready_pod_loses_what_it_gets() {
        let mut timeline = Timeline::new(1000);
        timeline.note(Duration::ZERO, to(100, 0));
        timeline.note(500 * MS, Condition { ready: PerColor { blue: false, green: true }, ..to(75, 25) });
        timeline.note(700 * MS, to(0, 100));
        let ledger = timeline.ledger(1000 * MS);
        assert_eq!(ledger.answered, PerColor { blue: 500, green: 350 });
        assert_eq!((ledger.lost, ledger.outage), (150, 200 * MS));
    }

    #[test]
    fn a_gap_too_short_for_a_request_shows_as_an_outage() {
        let mut timeline = Timeline::new(1);
        timeline.note(Duration::ZERO, to(100, 0));
        timeline.note(100 * MS, Condition { flow: Flow { nowhere: 1, ..Flow::default() }, ..to(0, 0) });
        timeline.note(101 * MS, to(0, 100));
        let ledger = timeline.ledger(500 * MS);
        assert_eq!((ledger.lost, ledger.outage), (0, MS));
    }

    #[test]
    fn failing_takes_exactly_its_share() {
        let mut timeline = Timeline::new(100);
        timeline.note(Duration::ZERO, Condition { failing: PerColor { blue: 0.03, green: 0.0 }, ..to(100, 0) });
        let answers = timeline.answers(Color::Blue, Duration::ZERO, Duration::from_secs(100));
        assert_eq!((answers.good, answers.bad), (9700, 300));
    }
}
