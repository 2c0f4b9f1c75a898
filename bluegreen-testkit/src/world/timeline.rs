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
    /// Not answered at all: they were sent to a color without a ready pod, or nowhere, or were [`cut`](Self::cut).
    pub lost: u64,
    /// Of those that were lost, the ones on connections whose pod was removed before it had finished them.
    pub cut: u64,
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

/// Where the data plane sends new connections, or where requests go, out of the sum of the three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) blue: u64,
    pub(crate) green: u64,
    pub(crate) nowhere: u64,
}

impl Flow {
    /// Whether `color` gets anything.
    pub(crate) const fn reaches(self, color: Color) -> bool {
        self.weight(color) > 0
    }

    /// How much `color` gets.
    pub(crate) const fn weight(self, color: Color) -> u64 {
        match color {
            Color::Blue => self.blue,
            Color::Green => self.green,
        }
    }

    pub(crate) const fn sum(self) -> u64 {
        self.blue + self.green + self.nowhere
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
    pub(crate) traffic: Flow,
    /// Whether any pod is ready.
    pub(crate) ready: PerColor<bool>,
    /// The share of bad answers.
    pub(crate) failing: PerColor<f64>,
    /// How often the containers of the pods that are there have restarted.
    pub(crate) restarts: PerColor<u32>,
    /// How long each ready pod takes for an answer. All get the same number of requests.
    pub(crate) latencies: PerColor<Vec<Duration>>,
}

/// What was answered by one color.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) good: u64,
    pub(crate) bad: u64,
    pub(crate) lost: u64,
}

/// What became of some requests.
#[derive(Debug, Default)]
struct Fates {
    answers: PerColor<Answers>,
    /// Sent to no color.
    nowhere: u64,
    /// Sent over a connection that was cut.
    cut: u64,
}

/// The conditions since the world began.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    /// Requests a second.
    rate: u64,
    /// Each holds from its time to the next one's.
    spans: Vec<(Duration, Condition)>,
    /// The numbers of the requests that met a cut connection, from and to, end excluded; in order, and apart.
    cuts: Vec<(u64, u64)>,
}

impl Timeline {
    pub(crate) const fn new(rate: u64) -> Self {
        Self { rate, spans: Vec::new(), cuts: Vec::new() }
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

    /// Notes that connections are cut: each costs its user one request, the first ones that are sent from `now` on.
    pub(crate) fn cut(&mut self, now: Duration, connections: u64) {
        let last = self.cuts.last().map_or(0, |(_, end)| *end);
        let first = self.sent_before(now).max(last);
        self.cuts.push((first, first.saturating_add(connections)));
    }

    /// What became of the requests that were sent in a stretch of time.
    pub(crate) fn ledger(&self, from: Duration, to: Duration) -> Ledger {
        let mut ledger = Ledger::default();
        for (from, to, condition) in self.spans(from, to) {
            let Fates { answers, nowhere, cut } = self.count(from, to, condition);
            for color in Color::ALL {
                *ledger.answered.get_mut(color) += answers.get(color).good;
                ledger.failed += answers.get(color).bad;
                ledger.lost += answers.get(color).lost;
            }
            ledger.lost += nowhere + cut;
            ledger.cut += cut;
            let safe = |color: Color| !condition.traffic.reaches(color) || *condition.ready.get(color);
            if condition.traffic.nowhere > 0 || !Color::ALL.into_iter().all(safe) {
                ledger.outage += to.saturating_sub(from);
            }
        }
        ledger
    }

    /// What `color` answered to the requests that were sent in a stretch of time.
    pub(crate) fn answers(&self, color: Color, from: Duration, to: Duration) -> Answers {
        let mut sum = Answers::default();
        for (from, to, condition) in self.spans(from, to) {
            sum.add(*self.count(from, to, condition).answers.get(color));
        }
        sum
    }

    /// How many answers of `color` to the requests that were sent in a stretch of time took at most `bound`.
    pub(crate) fn answers_within(&self, bound: Duration, color: Color, from: Duration, to: Duration) -> u64 {
        let within = |(from, to, condition): (Duration, Duration, &Condition)| {
            let Answers { good, bad, .. } = *self.count(from, to, condition).answers.get(color);
            let latencies = condition.latencies.get(color);
            let quick = latencies.iter().filter(|latency| **latency <= bound).count() as u64;
            ((good + bad) * quick).checked_div(latencies.len() as u64).unwrap_or(0)
        };
        self.spans(from, to).map(within).sum()
    }

    /// How often containers of `color` restarted in a stretch of time.
    pub(crate) fn restarts(&self, color: Color, from: Duration, to: Duration) -> u64 {
        let changes = self.spans.windows(2).filter_map(|spans| match spans {
            [(_, before), (at, after)] => Some((*at, *before.restarts.get(color), *after.restarts.get(color))),
            _ => None,
        });
        // Fewer than before: the pods were replaced.
        let new = changes.map(|(at, before, after)| (at, after.saturating_sub(before)));
        new.filter(|(at, _)| (from..to).contains(at)).map(|(_, restarts)| u64::from(restarts)).sum()
    }

    /// The conditions that held in a stretch of time, cut to it.
    fn spans(&self, from: Duration, to: Duration) -> impl Iterator<Item = (Duration, Duration, &Condition)> {
        let ends = self.spans.iter().skip(1).map(|(begin, _)| *begin).chain([Duration::MAX]);
        let spans = self.spans.iter().zip(ends);
        spans
            .map(move |((begin, condition), end)| (from.max(*begin), to.min(end), condition))
            .filter(|(from, to, _)| from < to)
    }

    /// What became of the requests of a span. A request's fate depends on its number alone, so that counts of adjoining
    /// spans add up.
    fn count(&self, from: Duration, to: Duration, condition: &Condition) -> Fates {
        let (first, last) = (self.sent_before(from), self.sent_before(to));
        let mut fates = Fates { cut: last - first, ..Fates::default() };
        for (first, last) in self.uncut(first, last) {
            fates.cut -= last - first;
            fates.take_in(first, last, condition);
        }
        fates
    }

    /// What lies between the cuts, of the numbers from `first` to `last`, end excluded.
    fn uncut(&self, first: u64, last: u64) -> impl Iterator<Item = (u64, u64)> {
        let begins = [0].into_iter().chain(self.cuts.iter().map(|(_, end)| *end));
        let ends = self.cuts.iter().map(|(begin, _)| *begin).chain([u64::MAX]);
        let between = begins.zip(ends).map(move |(begin, end)| (first.max(begin), last.min(end)));
        between.filter(|(first, last)| first < last)
    }

    fn sent_before(&self, time: Duration) -> u64 {
        (time.as_nanos() * u128::from(self.rate)).div_ceil(1_000_000_000) as u64
    }
}

impl Answers {
    const fn add(&mut self, other: Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.lost += other.lost;
    }
}

impl Fates {
    /// Adds the requests with the numbers from `first` to `last`, end excluded.
    fn take_in(&mut self, first: u64, last: u64, condition: &Condition) {
        let ((blue_first, colors_first), (blue_last, colors_last)) =
            (condition.traffic.first(first), condition.traffic.first(last));
        for color in Color::ALL {
            let (first, last) = match color {
                Color::Blue => (blue_first, blue_last),
                Color::Green => (colors_first - blue_first, colors_last - blue_last),
            };
            let answers = answers(first, last, *condition.ready.get(color), *condition.failing.get(color));
            self.answers.get_mut(color).add(answers);
        }
        self.nowhere += (last - colors_last) - (first - colors_first);
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

    fn to(blue: u64, green: u64) -> Condition {
        Condition {
            traffic: Flow { blue, green, nowhere: 0 },
            ready: PerColor { blue: true, green: true },
            failing: PerColor::default(),
            restarts: PerColor::default(),
            latencies: PerColor::default(),
        }
    }

    #[test]
    fn every_request_is_accounted_for_once() {
        let mut timeline = Timeline::new(30);
        timeline.note(Duration::ZERO, to(100, 0));
        timeline.note(333 * MS, to(90, 10));
        timeline.note(777 * MS, Condition { failing: PerColor { blue: 0.1, green: 0.5 }, ..to(1, 1) });
        timeline.cut(5000 * MS, 10);
        timeline.cut(5000 * MS, 7);
        let ledger = timeline.ledger(Duration::ZERO, 10_000 * MS);
        assert_eq!(ledger.sent(), 300);
        assert_eq!((ledger.lost, ledger.cut, ledger.outage), (17, 17, Duration::ZERO));
        let pieces = (0..100).map(|n| timeline.ledger(n * 100 * MS, (n + 1) * 100 * MS));
        let sum = pieces.fold((0, 0, 0), |sum, piece| (sum.0 + piece.sent(), sum.1 + piece.failed, sum.2 + piece.cut));
        assert_eq!(sum, (300, ledger.failed, 17));
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
        let ledger = timeline.ledger(Duration::ZERO, 1000 * MS);
        assert_eq!(ledger.answered, PerColor { blue: 500, green: 350 });
        assert_eq!((ledger.lost, ledger.outage), (150, 200 * MS));
    }

    #[test]
    fn a_gap_too_short_for_a_request_shows_as_an_outage() {
        let mut timeline = Timeline::new(1);
        timeline.note(Duration::ZERO, to(100, 0));
        timeline.note(100 * MS, Condition { traffic: Flow { nowhere: 1, ..Flow::default() }, ..to(0, 0) });
        timeline.note(101 * MS, to(0, 100));
        let ledger = timeline.ledger(Duration::ZERO, 500 * MS);
        assert_eq!((ledger.lost, ledger.outage), (0, MS));
    }

    #[test]
    fn failing_takes_exactly_its_share() {
        let mut timeline = Timeline::new(100);
        timeline.note(Duration::ZERO, Condition { failing: PerColor { blue: 0.03, green: 0.0 }, ..to(100, 0) });
        let answers = timeline.answers(Color::Blue, Duration::ZERO, Duration::from_secs(100));
        assert_eq!((answers.good, answers.bad), (9700, 300));
    }

    #[test]
    fn restarts_are_counted_when_they_happen() {
        let mut timeline = Timeline::new(1);
        for (at, restarts) in [(0, 0), (10, 2), (20, 3), (30, 0), (40, 1)] {
            let restarts = PerColor { blue: restarts, green: 0 };
            timeline.note(at * MS, Condition { restarts, ..to(1, 0) });
        }
        let count = |from: u32, to: u32| timeline.restarts(Color::Blue, from * MS, to * MS);
        assert_eq!([count(0, 10), count(0, 11), count(10, 30), count(0, 100)], [0, 2, 3, 4]);
        assert_eq!(timeline.restarts(Color::Green, Duration::ZERO, 100 * MS), 0);
    }
}
