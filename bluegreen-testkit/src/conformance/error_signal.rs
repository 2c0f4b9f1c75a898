//! What every [`ErrorSignal`] of counts has to hold.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Color, ErrorSignal, Measure, Window};

use super::case::{Harness, Rule, Suite, rule};
use super::check::{dropped_after, ensure, same};
use super::lever::{Lever, pull};
use super::{Checked, Failure};

/// What a harness let happen, and what a signal has to say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub window: Window,
    /// How much of it was bad.
    pub bad: u64,
    /// How much it was in all.
    pub total: u64,
}

/// A signal that counts, and ways to give it something to count. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    signal: Arc<dyn ErrorSignal>,
    happens: Lever<(Color, Quality), Happened>,
    fails: Option<Lever<()>>,
}

/// How well a color does while something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Nothing is bad.
    Flawless,
    /// Some of it is bad.
    Flawed,
}

/// For harnesses.
impl Subject {
    /// A signal, and a way to let something happen in a color, spread over several instances and over several seconds:
    /// it returns when that has passed and the signal can know of it, and says what the signal has to count. Nothing may
    /// happen in the other color meanwhile.
    pub fn new<F>(signal: impl ErrorSignal, happen: impl Fn(Color, Quality) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Happened, Failure>> + Send + 'static,
    {
        let happens = Lever::new(move |(color, quality)| happen(color, quality));
        Self { signal: Arc::new(signal), happens, fails: None }
    }

    /// Offers to take the signal's source away.
    #[must_use]
    pub fn fails<F>(mut self, fail: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.fails = Some(Lever::new(move |()| fail()));
        self
    }
}

/// For cases.
impl Subject {
    async fn happen(&self, color: Color, quality: Quality) -> Result<Happened, Failure> {
        let happened = self.happens.pull((color, quality)).await?;
        let flawed = happened.bad > 0;
        ensure!(
            happened.total > 0 && flawed == (quality == Quality::Flawed) && length(happened.window) >= SECOND,
            "the harness let happen {happened:?}, which is not {quality:?}"
        );
        Ok(happened)
    }

    async fn sample(&self, color: Color, window: Window) -> Result<Measure, Failure> {
        Ok(self.signal.sample(color, window).await?)
    }

    /// Bad and all in a window in which nothing at all may have happened.
    async fn counts(&self, color: Color, window: Window) -> Result<(u64, u64), Failure> {
        match self.sample(color, window).await? {
            Measure::Counts { bad, total } => Ok((bad, total)),
            Measure::NoData { .. } => Ok((0, 0)),
            other => Err(Failure::new(format!("a signal of counts tells counts, not {other:?}"))),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn length(window: Window) -> Duration {
    Duration::try_from(window.to.duration_since(window.from)).unwrap_or_default()
}

/// The cases of an [`ErrorSignal`] for the backend that `harness` makes; for signals that
/// measure counts.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(what_happened_is_counted_over_all_instances),
        rule!(nothing_bad_is_zero_and_not_nothing),
        rule!(nothing_seen_is_no_data_and_not_zero),
        rule!(only_the_window_counts),
        rule!(adjoining_windows_add_up),
        rule!(the_other_color_does_not_count),
        rule!(sampling_again_tells_the_same),
        rule!(a_source_that_is_down_is_no_data, |subject| subject.fails.is_some()),
    ]
}

/// What happened is counted, all of it, whichever instances it happened in.
pub async fn what_happened_is_counted_over_all_instances(subject: &Subject) -> Checked {
    let Happened { window, bad, total } = subject.happen(Color::Blue, Quality::Flawed).await?;
    same("what was counted", subject.sample(Color::Blue, window).await?, Measure::Counts { bad, total })
}

/// If all is well, the count of what is bad is zero and the count of all is not.
pub async fn nothing_bad_is_zero_and_not_nothing(subject: &Subject) -> Checked {
    let Happened { window, total, .. } = subject.happen(Color::Blue, Quality::Flawless).await?;
    same("what was counted", subject.sample(Color::Blue, window).await?, Measure::Counts { bad: 0, total })
}

/// Fails unless a signal says that it saw nothing, and why.
fn no_data(what: &str, measure: &Measure) -> Checked {
    ensure!(
        matches!(measure, Measure::NoData { why } if !why.is_empty()),
        "{what} is no data, and why; but it was told as {measure:?}"
    );
    Ok(())
}

/// Having seen nothing is told as such: before anything happened, and in a color where nothing does.
pub async fn nothing_seen_is_no_data_and_not_zero(subject: &Subject) -> Checked {
    let happened = subject.happen(Color::Blue, Quality::Flawed).await?;
    let nothing = subject.sample(Color::Green, happened.window).await?;
    no_data("a color in which nothing happened", &nothing)
}

/// What happened outside of the window doesn't count.
pub async fn only_the_window_counts(subject: &Subject) -> Checked {
    let Happened { window, bad, total } = subject.happen(Color::Blue, Quality::Flawed).await?;
    let hour = 3600 * SECOND;
    let before = Window { from: window.from - 2 * hour, to: window.from - hour };
    no_data("an hour before anything happened", &subject.sample(Color::Blue, before).await?)?;
    let part = Window { to: window.from + length(window) / 2, ..window };
    let (bad_of_part, total_of_part) = subject.counts(Color::Blue, part).await?;
    ensure!(
        total_of_part < total && bad_of_part <= bad,
        "in half of the time happened {bad_of_part} of {total_of_part}, in all of it {bad} of {total}"
    );
    Ok(())
}

/// Counts of adjoining windows add up to the count of both together, wherever they meet.
pub async fn adjoining_windows_add_up(subject: &Subject) -> Checked {
    let Happened { window, bad, total } = subject.happen(Color::Blue, Quality::Flawed).await?;
    for parts in [2_u32, 3, 7] {
        let part = length(window) / parts;
        let mut sum = (0, 0);
        for number in 0..parts {
            let to = if number + 1 == parts { window.to } else { window.from + part * (number + 1) };
            let (bad, total) = subject.counts(Color::Blue, Window { from: window.from + part * number, to }).await?;
            sum = (sum.0 + bad, sum.1 + total);
        }
        same(format!("the sum over {parts} windows"), sum, (bad, total))?;
    }
    Ok(())
}

/// What happened in the other color doesn't count.
pub async fn the_other_color_does_not_count(subject: &Subject) -> Checked {
    let Happened { window, bad, total } = subject.happen(Color::Blue, Quality::Flawed).await?;
    same("what was counted in blue", subject.counts(Color::Blue, window).await?, (bad, total))?;
    same("what was counted in green", subject.counts(Color::Green, window).await?, (0, 0))
}

/// Sampling changes nothing, may be given up, and tells the same for the same window.
pub async fn sampling_again_tells_the_same(subject: &Subject) -> Checked {
    let Happened { window, .. } = subject.happen(Color::Blue, Quality::Flawed).await?;
    let first = subject.sample(Color::Blue, window).await?;
    for waits in 0..4 {
        let _ = dropped_after(waits, subject.signal.sample(Color::Blue, window)).await;
        same("what was counted, asked again", &subject.sample(Color::Blue, window).await?, &first)?;
    }
    Ok(())
}

/// A source that is down is no data or an error, never a count.
pub async fn a_source_that_is_down_is_no_data(subject: &Subject) -> Checked {
    let Happened { window, .. } = subject.happen(Color::Blue, Quality::Flawed).await?;
    pull(subject.fails.as_ref(), ()).await?;
    match subject.signal.sample(Color::Blue, window).await {
        Ok(measure) => no_data("a source that is down", &measure),
        Err(_) => Ok(()),
    }
}
