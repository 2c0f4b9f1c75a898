//! What the clients count: every order that was sent, and what became of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bluegreen_core::chain;

use crate::http::{Answer, NoAnswer};

/// How many losses are kept in words.
const REASONS: usize = 5;

/// Counts for all clients together.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    /// By the release that answered.
    pub(crate) answered: BTreeMap<String, Answers>,
    /// Without an answer, or with somebody else's.
    pub(crate) lost: u64,
    /// Why the first of them were lost.
    pub(crate) reasons: Vec<String>,
}

/// The answers of one release.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answers {
    pub(crate) well: u64,
    /// With an error: not lost on the way, but no order either.
    pub(crate) badly: u64,
}

impl Tally {
    /// Counts an order that is about to be sent, and returns its number.
    pub(crate) fn next_number(&self) -> u64 {
        let mut counts = self.lock();
        counts.sent += 1;
        counts.sent
    }

    pub(crate) fn count(&self, number: u64, answer: Result<Answer, NoAnswer>) {
        let mut counts = self.lock();
        match answer {
            Ok(answer) if !answer.is_success => counts.answers(answer.release).badly += 1,
            Ok(answer) if answer.body == number.to_string() => counts.answers(answer.release).well += 1,
            Ok(answer) => counts.lose(format!("order {number} got the answer of another: {:?}", answer.body)),
            Err(error) => counts.lose(format!("order {number}: {}", chain(&*error))),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Every change is a single step, so what a panicking thread left behind is whole.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn answers(&mut self, release: String) -> &mut Answers {
        self.answered.entry(release).or_default()
    }

    fn lose(&mut self, reason: String) {
        self.lost += 1;
        if self.reasons.len() < REASONS {
            self.reasons.push(reason);
        }
    }

    /// Orders that were answered with an error, by any release.
    pub(crate) fn badly(&self) -> u64 {
        self.answered.values().map(|answers| answers.badly).sum()
    }
}
