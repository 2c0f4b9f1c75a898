//! Preflights that are wrong in one way.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, Finding, Preflight, PreflightContext, Split};
use bluegreen_testkit::conformance::preflight::{Subject, suite};
use bluegreen_testkit::{World, WorldPreflight};

use crate::proof::{Row, prove};
use crate::world::preflight as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    SaysNothing,
    AlwaysPasses,
    MendsWhatItFinds,
    StaysBusyWhenDropped,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::SaysNothing, &["what_holds_passes_and_says_what_was_seen"]),
    (Wrong::AlwaysPasses, &["what_does_not_hold_fails_and_says_what_to_do"]),
    (Wrong::MendsWhatItFinds, &["checking_changes_nothing"]),
    (Wrong::StaysBusyWhenDropped, &["a_dropped_check_can_be_made_again"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_preflight_can_fail() {
    let wrong = |wrong| suite("wrong", move || std::future::ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let world = World::builder().build();
    let preflight =
        WrongPreflight { wrong, inner: world.preflight(), world: world.clone(), busy: AtomicBool::new(false) };
    world::around(&world, preflight)
}

#[derive(Debug)]
struct WrongPreflight {
    wrong: Wrong,
    inner: WorldPreflight,
    world: World,
    busy: AtomicBool,
}

#[async_trait]
impl Preflight for WrongPreflight {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    async fn check(&self, context: &PreflightContext) -> Result<Finding, BackendError> {
        let message = match self.wrong {
            Wrong::SaysNothing => String::new(),
            _ => "all is well".to_owned(),
        };
        match (self.wrong, self.inner.check(context).await?) {
            (Wrong::SaysNothing, Finding::Passed { .. }) | (Wrong::AlwaysPasses, _) => Ok(Finding::Passed { message }),
            (Wrong::MendsWhatItFinds, finding) => {
                self.world.edit_route(Split::only(Color::Blue));
                Ok(finding)
            }
            (Wrong::StaysBusyWhenDropped, finding) => {
                if self.busy.swap(true, Ordering::Relaxed) {
                    let message = "another check is under way".to_owned();
                    return Err(BackendError::Unusable { object: "the preflight".to_owned(), message });
                }
                tokio::task::yield_now().await;
                self.busy.store(false, Ordering::Relaxed);
                Ok(finding)
            }
            (_, finding) => Ok(finding),
        }
    }
}
