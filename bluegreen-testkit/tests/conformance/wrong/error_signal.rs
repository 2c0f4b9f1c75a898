//! Signals that are wrong in one way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, ErrorSignal, Measure, Window};
use bluegreen_testkit::WorldSignal;
use bluegreen_testkit::conformance::error_signal::{Subject, suite};

use crate::proof::{Row, prove};
use crate::world::error_signal as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    CountsOneInstance,
    TakesZeroForNoData,
    TakesNoDataForZero,
    IgnoresTheWindow,
    IncludesTheEnd,
    IgnoresTheColor,
    CountsItself,
    TakesAnErrorForZero,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::CountsOneInstance, &["what_happened_is_counted_over_all_instances"]),
    (Wrong::TakesZeroForNoData, &["nothing_bad_is_zero_and_not_nothing"]),
    (Wrong::TakesNoDataForZero, &["nothing_seen_is_no_data_and_not_zero"]),
    (Wrong::IgnoresTheWindow, &["only_the_window_counts"]),
    (Wrong::IncludesTheEnd, &["adjoining_windows_add_up"]),
    (Wrong::IgnoresTheColor, &["the_other_color_does_not_count"]),
    (Wrong::CountsItself, &["sampling_again_tells_the_same"]),
    (Wrong::TakesAnErrorForZero, &["a_source_that_is_down_is_no_data"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_signal_can_fail() {
    let wrong = |wrong| suite("wrong", move || std::future::ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let world = world::world();
    world::around(&world, WrongSignal { wrong, inner: world.signal("errors"), sampled: AtomicU64::new(0) })
}

#[derive(Debug)]
struct WrongSignal {
    wrong: Wrong,
    inner: WorldSignal,
    sampled: AtomicU64,
}

#[async_trait]
impl ErrorSignal for WrongSignal {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    async fn sample(&self, color: Color, mut window: Window) -> Result<Measure, BackendError> {
        let color = if self.wrong == Wrong::IgnoresTheColor { Color::Blue } else { color };
        let day = Duration::from_secs(86_400);
        match self.wrong {
            Wrong::IgnoresTheWindow => window = Window { from: window.from - day, to: window.to + day },
            Wrong::IncludesTheEnd => window.to += Duration::from_secs(1),
            _ => {}
        }
        let sampled = self.sampled.fetch_add(1, Ordering::Relaxed);
        let nothing = Measure::Counts { bad: 0, total: 0 };
        match (self.wrong, self.inner.sample(color, window).await) {
            (Wrong::CountsOneInstance, Ok(Measure::Counts { bad, total })) => {
                Ok(Measure::Counts { bad: bad / 3, total: total / 3 })
            }
            (Wrong::TakesZeroForNoData, Ok(Measure::Counts { bad: 0, .. })) => {
                Ok(Measure::NoData { why: "nothing bad was seen".to_owned() })
            }
            (Wrong::TakesNoDataForZero, Ok(Measure::NoData { .. })) | (Wrong::TakesAnErrorForZero, Err(_)) => {
                Ok(nothing)
            }
            (Wrong::CountsItself, Ok(Measure::Counts { bad, total })) => {
                Ok(Measure::Counts { bad, total: total + sampled })
            }
            (_, measure) => measure,
        }
    }
}
