//! Gates that are wrong in one way.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, Gate, GateContext, GateDecision};
use bluegreen_testkit::conformance::gate::{Subject, suite};
use bluegreen_testkit::{World, WorldGate};

use crate::proof::{Row, prove};
use crate::world::gate as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    GoesUnlessToldNotTo,
    ForgetsWho,
    OverlooksANo,
    GoesWhenAskedOften,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::GoesUnlessToldNotTo, &["an_undecided_gate_says_when_to_ask_again"]),
    (Wrong::ForgetsWho, &["a_yes_names_who_and_why"]),
    (Wrong::OverlooksANo, &["a_no_names_who_and_why"]),
    (Wrong::GoesWhenAskedOften, &["asking_decides_nothing"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_gate_can_fail() {
    let wrong = |wrong| suite("wrong", move || std::future::ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let world = World::builder().build();
    world::around(&world, WrongGate { wrong, inner: world.gate(), asked: AtomicU64::new(0) })
}

#[derive(Debug)]
struct WrongGate {
    wrong: Wrong,
    inner: WorldGate,
    asked: AtomicU64,
}

#[async_trait]
impl Gate for WrongGate {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    async fn decide(&self, context: &GateContext) -> Result<GateDecision, BackendError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let go = |by: &str| GateDecision::Go { by: by.to_owned(), reason: "looks good".to_owned() };
        Ok(match (self.wrong, self.inner.decide(context).await?) {
            (Wrong::GoesUnlessToldNotTo, GateDecision::AskAgain(_)) => go("nobody"),
            (Wrong::GoesWhenAskedOften, GateDecision::AskAgain(_)) if asked >= 3 => go("nobody"),
            (Wrong::ForgetsWho, GateDecision::Go { .. }) => go(""),
            (Wrong::OverlooksANo, GateDecision::No { .. }) => GateDecision::AskAgain(std::time::Duration::from_secs(1)),
            (_, decision) => decision,
        })
    }
}
