//! Trying again until something has been good often enough, or the time is up.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::text::brief;
use crate::backend::{Description, ProbeReport, Verdict};

/// Longer settings count as this; it keeps sums of times in range.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How often, how fast and how long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) successes: u32,
    pub(super) every: Duration,
    pub(super) try_timeout: Duration,
    pub(super) deadline: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            successes: 1,
            every: Duration::from_secs(1),
            try_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(60),
        }
    }
}

/// A try that found the target not healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    /// The rest of a sentence that begins with the target: `answered 500`.
    pub(super) what: String,
    /// What else is worth knowing, for the end of the sentence.
    pub(super) detail: Option<String>,
    /// The time of the try was up before there was an answer.
    pub(super) timed_out: bool,
}

/// What all tries came to.
#[derive(Debug, Default)]
struct Tally {
    passed: bool,
    tries: u32,
    /// How many of the last tries were good.
    streak: u32,
    /// What the last good try saw.
    good: Option<String>,
    /// The last miss that says something.
    miss: Option<Miss>,
    elapsed: Duration,
}

impl Schedule {
    pub(super) fn describe(&self, description: Description) -> Description {
        description
            .with("successes", self.successes)
            .with("every", format!("{:?}", self.every))
            .with("try_timeout", format!("{:?}", self.try_timeout))
            .with("deadline", format!("{:?}", self.deadline))
    }

    /// The same, for one try only.
    pub(super) const fn once(self) -> Self {
        Self { successes: 1, deadline: self.try_timeout, every: self.try_timeout, ..self }
    }

    /// Why no target could ever pass, or every one would.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let Self { successes, every, try_timeout, deadline } = *self;
        let pauses = every.saturating_mul(successes.saturating_sub(1));
        [
            (successes == 0).then(|| "successes must be at least 1".to_owned()),
            try_timeout.is_zero().then(|| "try_timeout must not be zero".to_owned()),
            (deadline <= pauses).then(|| {
                format!("{successes} in a row, one every {every:?}, don't fit into the deadline of {deadline:?}")
            }),
        ]
        .into_iter()
        .flatten()
    }

    /// Calls `attempt` with the time at which it must have returned, until it was good often enough in a row or no
    /// further try could begin before the deadline. `subject` begins the sentence of the report.
    pub(super) async fn run<F>(
        &self,
        subject: impl fmt::Display + Send,
        mut attempt: impl FnMut(Instant) -> F + Send,
    ) -> ProbeReport
    where
        F: Future<Output = Result<String, Miss>> + Send,
    {
        let begin = Instant::now();
        let deadline = begin + self.deadline.min(LONGEST);
        let mut tally = Tally::default();
        loop {
            let until = deadline.min(Instant::now() + self.try_timeout.min(LONGEST));
            tally.count(attempt(until).await, until == deadline);
            tally.elapsed = begin.elapsed();
            tally.passed = tally.streak >= self.successes;
            let next = Instant::now() + self.every.min(LONGEST);
            if tally.passed || next >= deadline {
                return tally.report(&subject.to_string(), self.successes);
            }
            tokio::time::sleep_until(next).await;
        }
    }
}

impl Tally {
    /// Adds one try; `last` says that it could take no longer than to the deadline.
    fn count(&mut self, outcome: Result<String, Miss>, last: bool) {
        self.tries = self.tries.saturating_add(1);
        match outcome {
            Ok(good) => {
                self.streak = self.streak.saturating_add(1);
                self.good = Some(good);
            }
            Err(miss) => {
                self.streak = 0;
                // A try that was cut short by the deadline says less than the one before it.
                if !(last && miss.timed_out && self.miss.is_some()) {
                    self.miss = Some(miss);
                }
            }
        }
    }

    fn report(self, subject: &str, successes: u32) -> ProbeReport {
        let Self { passed, tries, streak, elapsed, .. } = self;
        let effort = format!("after {tries} {} in {}", if tries == 1 { "try" } else { "tries" }, brief(elapsed));
        let good = self.good.unwrap_or_default();
        let (what, detail) = self.miss.map(|miss| (miss.what, miss.detail)).unwrap_or_default();
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        let summary = if passed && successes == 1 {
            format!("{subject} {good} {effort}")
        } else if passed {
            format!("{subject} {good} {successes} times in a row {effort}")
        } else if streak == 0 {
            format!("{subject} {what} {effort}{detail}")
        } else if what.is_empty() {
            format!("{subject} {good} {effort}, {streak} of {successes} times in a row when the time was up")
        } else {
            format!(
                "{subject} {good} {effort}, {streak} of {successes} times in a row when the time was up; \
                 before that it {what}{detail}"
            )
        };
        ProbeReport { verdict: if passed { Verdict::Pass } else { Verdict::Fail }, summary, tries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miss(what: &str) -> Miss {
        Miss { what: what.to_owned(), detail: Some("\"boom\"".to_owned()), timed_out: false }
    }

    /// Runs `schedule` over the tries in `letters`, the last one for ever: good, bad, or no answer.
    async fn run(schedule: Schedule, letters: &str) -> (ProbeReport, Duration) {
        let begin = Instant::now();
        let mut tries = 0;
        let attempt = |until| {
            let letter = letters.chars().nth(tries).or(letters.chars().last());
            tries += 1;
            async move {
                match letter {
                    Some('g') => Ok("answered 200".to_owned()),
                    Some('b') => Err(miss("answered 500")),
                    _ => {
                        tokio::time::sleep_until(until).await;
                        Err(Miss { what: "gave no answer".to_owned(), detail: None, timed_out: true })
                    }
                }
            }
        };
        let report = schedule.run("GET /", attempt).await;
        (report, begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn reports_say_what_was_seen_how_often_and_for_how_long() {
        let (fail, pass) = (Verdict::Fail, Verdict::Pass);
        for (successes, letters, verdict, tries, summary) in [
            (1, "g", pass, 1, "GET / answered 200 after 1 try in 0ms"),
            (1, "bg", pass, 2, "GET / answered 200 after 2 tries in 1.0s"),
            (3, "ggbg", pass, 6, "GET / answered 200 3 times in a row after 6 tries in 5.0s"),
            (1, "b", fail, 30, "GET / answered 500 after 30 tries in 29s: \"boom\""),
            (1, "n", fail, 5, "GET / gave no answer after 5 tries in 29s"),
            (1, "nnnnb", fail, 10, "GET / answered 500 after 10 tries in 29s: \"boom\""),
            (
                20,
                "bbbbbbbbbbbbbbbbbbbg",
                fail,
                30,
                "GET / answered 200 after 30 tries in 29s, 11 of 20 times in a row when the time was up; \
                 before that it answered 500: \"boom\"",
            ),
        ] {
            let schedule = Schedule { successes, deadline: Duration::from_secs(30), ..Schedule::default() };
            let (report, elapsed) = run(schedule, letters).await;
            assert_eq!(report.summary, summary, "{letters}");
            assert_eq!((report.verdict, report.tries), (verdict, tries), "{letters}");
            assert!(elapsed <= schedule.deadline, "{letters} took {elapsed:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_try_that_was_cut_short_does_not_hide_the_answer_before_it() {
        let schedule = Schedule { deadline: Duration::from_secs(3), ..Schedule::default() };
        let (report, elapsed) = run(schedule, "bn").await;
        assert_eq!(report.summary, "GET / answered 500 after 2 tries in 3.0s: \"boom\"");
        assert_eq!(elapsed, schedule.deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_settings_are_in_range() {
        let schedule = Schedule {
            every: Duration::MAX,
            try_timeout: Duration::MAX,
            deadline: Duration::MAX,
            ..Schedule::default()
        };
        assert_eq!(run(schedule, "g").await.0.verdict, Verdict::Pass);
    }

    #[test]
    fn schedules_that_nothing_or_everything_passes_are_faults() {
        let of = |successes, every, try_timeout, deadline| Schedule {
            successes,
            every: Duration::from_secs(every),
            try_timeout: Duration::from_secs(try_timeout),
            deadline: Duration::from_secs(deadline),
        };
        for (schedule, faults) in [
            (Schedule::default(), vec![]),
            (of(3, 0, 5, 1), vec![]),
            (of(0, 1, 0, 60), vec!["successes must be at least 1", "try_timeout must not be zero"]),
            (of(1, 1, 5, 0), vec!["1 in a row, one every 1s, don't fit into the deadline of 0ns"]),
            (of(3, 5, 5, 10), vec!["3 in a row, one every 5s, don't fit into the deadline of 10s"]),
        ] {
            assert_eq!(schedule.faults().collect::<Vec<_>>(), faults);
        }
    }
}
