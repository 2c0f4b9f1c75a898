//! What becomes of a case when its backend or its harness doesn't behave: it fails, says why, and cleans up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Description, Gate, GateContext, GateDecision};
use bluegreen_testkit::conformance::{Case, Failure, Fixture, gate};

use crate::world::done;

/// What a gate does when it is asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    AsksAgain,
    Hangs,
    Panics,
}

#[async_trait]
impl Gate for Asked {
    fn describe(&self) -> Description {
        Description::new("Asked")
    }

    async fn decide(&self, _context: &GateContext) -> Result<GateDecision, BackendError> {
        match self {
            Self::AsksAgain => Ok(GateDecision::AskAgain(Duration::from_secs(1))),
            Self::Hangs => std::future::pending().await,
            Self::Panics => panic!("this gate is broken"),
        }
    }
}

/// The first case for such a gate, which passes if the gate asks again; how often was cleaned up is counted.
async fn case(asked: Asked, cleaned: &Arc<AtomicUsize>) -> Case {
    let cleaned = Arc::clone(cleaned);
    let harness = move || {
        let cleaned = Arc::clone(&cleaned);
        let clean_up = async move {
            cleaned.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        std::future::ready(Ok(Fixture::new(gate::Subject::new(asked, |_| done())).clean_up(clean_up)))
    };
    let cases = gate::suite("Asked", harness).deadline(Duration::from_secs(5)).cases().await;
    cases.expect("the harness makes subjects").swap_remove(0)
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_case_it_is_cleaned_up() {
    for (asked, expected) in [
        (Asked::AsksAgain, None),
        (Asked::Hangs, Some("a call still hadn't returned after 5s")),
        (Asked::Panics, Some("panicked: this gate is broken")),
    ] {
        let cleaned = Arc::new(AtomicUsize::new(0));
        let case = case(asked, &cleaned).await;
        assert_eq!(cleaned.load(Ordering::Relaxed), 1, "the subject that was asked what it can do");
        let failure = case.run().await.err().map(|failure| failure.to_string());
        assert_eq!(failure.as_deref(), expected, "{asked:?}");
        assert_eq!(cleaned.load(Ordering::Relaxed), 2, "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_harness_that_makes_no_subject_says_why() {
    let harness = || std::future::ready(Err::<gate::Subject, _>(Failure::new("there is no server")));
    let failure = gate::suite("Nowhere", harness).cases().await.expect_err("there is no server");
    assert_eq!(failure.to_string(), "the harness made no subject: there is no server");
    let failure = gate::suite("Nowhere", std::future::pending::<Result<gate::Subject, _>>).cases().await;
    assert_eq!(failure.expect_err("it waits for ever").to_string(), "the harness made no subject within 180s");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_clean_up_does_not_pass() {
    let used = Arc::new(AtomicUsize::new(0));
    let harness = move || {
        let first = used.fetch_add(1, Ordering::Relaxed) == 0;
        let clean_up = async move { if first { Ok(()) } else { Err(Failure::new("the folder is in use")) } };
        std::future::ready(Ok(Fixture::new(gate::Subject::new(Asked::AsksAgain, |_| done())).clean_up(clean_up)))
    };
    let cases = gate::suite("Asked", harness).cases().await.expect("the harness makes subjects");
    let failure = cases[0].run().await.expect_err("it is not cleaned up");
    assert_eq!(failure.to_string(), "could not clean up: the folder is in use");
}
