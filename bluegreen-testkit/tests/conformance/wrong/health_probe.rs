//! Probes that are wrong in one way.

use std::future::ready;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bluegreen_core::{Address, BackendError, Color, Description, HealthProbe, ProbeReport, ProbeTarget, Verdict, Via};
use bluegreen_testkit::conformance::health_probe::{Answers, Subject, suite};
use bluegreen_testkit::{World, WorldProbe};

use crate::proof::{Row, prove};
use crate::world::health_probe as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    AlwaysFails,
    TakesAnyAnswerForGood,
    TakesARedirectForGood,
    WaitsWithoutEnd,
    TakesSilenceForGood,
    TriesThreeTimes,
    RemembersItsFirstReport,
    StaysBusyWhenDropped,
    PassesWithoutAnAddress,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::AlwaysFails, &["a_good_answer_passes"]),
    (Wrong::TakesAnyAnswerForGood, &["a_bad_answer_fails"]),
    (Wrong::TakesARedirectForGood, &["a_redirect_is_not_healthy"]),
    (Wrong::WaitsWithoutEnd, &["no_answer_fails_in_time"]),
    (Wrong::TakesSilenceForGood, &["nobody_there_fails"]),
    (Wrong::TriesThreeTimes, &["once_means_one_try"]),
    (Wrong::RemembersItsFirstReport, &["every_check_looks_anew"]),
    (Wrong::StaysBusyWhenDropped, &["a_dropped_check_can_be_made_again"]),
    (Wrong::PassesWithoutAnAddress, &["without_the_address_it_needs_it_never_passes"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_probe_can_fail() {
    let wrong = |wrong| suite("wrong", move || ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

/// The name in the address of a place that only the wrong probes know.
const ELSEWHERE: &str = "http://elsewhere.world";
const SILENT: &str = "http://silent.world";

fn subject(wrong: Wrong) -> Subject {
    let world = World::builder().build();
    let probe =
        WrongProbe { wrong, inner: world.probe("health"), first: Mutex::default(), busy: AtomicBool::new(false) };
    let subject = world::around(&world, probe);
    match wrong {
        Wrong::TakesARedirectForGood => subject.place(Answers::ElsewhereInstead, || ready(Ok(at(ELSEWHERE)))),
        Wrong::WaitsWithoutEnd => subject.place(Answers::Never, || ready(Ok(at(SILENT)))),
        _ => subject,
    }
}

fn at(address: &str) -> ProbeTarget {
    ProbeTarget {
        color: Color::Blue,
        via: Via::Production,
        address: Some(Address(address.to_owned())),
        endpoints: Vec::new(),
        once: false,
    }
}

#[derive(Debug)]
struct WrongProbe {
    wrong: Wrong,
    inner: WorldProbe,
    first: Mutex<Option<ProbeReport>>,
    busy: AtomicBool,
}

#[async_trait]
impl HealthProbe for WrongProbe {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    fn needs_address(&self) -> bool {
        self.inner.needs_address()
    }

    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let passed = ProbeReport { verdict: Verdict::Pass, summary: "it looks well".to_owned(), tries: 1 };
        let is_silent = |report: &ProbeReport| report.summary.contains("no answer");
        let report = match (&target.address, self.wrong) {
            (None, Wrong::PassesWithoutAnAddress) => return Ok(passed),
            (Some(Address(address)), Wrong::WaitsWithoutEnd) if address == SILENT => std::future::pending().await,
            _ => self.inner.check(target).await?,
        };
        match self.wrong {
            Wrong::AlwaysFails => Ok(ProbeReport { verdict: Verdict::Fail, ..report }),
            Wrong::TakesAnyAnswerForGood if !is_silent(&report) => Ok(passed),
            Wrong::TakesSilenceForGood if is_silent(&report) => Ok(passed),
            Wrong::TriesThreeTimes => Ok(ProbeReport { tries: 3, ..report }),
            Wrong::RemembersItsFirstReport => {
                Ok(self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(report).clone())
            }
            Wrong::StaysBusyWhenDropped => {
                if self.busy.swap(true, Ordering::Relaxed) {
                    return Ok(ProbeReport { verdict: Verdict::Cancelled, ..report });
                }
                tokio::task::yield_now().await;
                self.busy.store(false, Ordering::Relaxed);
                Ok(report)
            }
            _ => Ok(report),
        }
    }
}
