//! What every [`HealthProbe`] has to hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{HealthProbe, ProbeReport, ProbeTarget, Verdict};
use tokio::time::timeout;

use super::case::{Harness, Rule, Suite, rule};
use super::check::{dropped_after, ensure, same};
use super::lever::{Lever, pull};
use super::{Checked, Failure};

/// How much longer than its own deadline a check may take on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// How what is probed answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answers {
    /// Well.
    Well,
    /// Badly, as with a 500.
    Badly,
    /// With a redirect to somewhere that answers well.
    ElsewhereInstead,
    /// Not at all: it takes the question and stays silent.
    Never,
    /// Nobody is there to ask.
    NobodyThere,
}

/// A probe, and places for it to ask. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    probe: Arc<dyn HealthProbe>,
    within: Duration,
    places: BTreeMap<Answers, Lever<(), ProbeTarget>>,
}

impl Subject {
    /// A probe that says how it is within `within`, whatever it meets.
    pub fn new(probe: impl HealthProbe, within: Duration) -> Self {
        Self { probe: Arc::new(probe), within, places: BTreeMap::new() }
    }

    /// Offers a place that answers like this from the moment it is asked for. [`Answers::Well`] has to be offered.
    #[must_use]
    pub fn place<F>(mut self, answers: Answers, place: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ProbeTarget, Failure>> + Send + 'static,
    {
        self.places.insert(answers, Lever::new(move |()| place()));
        self
    }

    async fn target(&self, answers: Answers) -> Result<ProbeTarget, Failure> {
        pull(self.places.get(&answers), ()).await
    }

    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, Failure> {
        let Ok(report) = timeout(self.within + SLACK, self.probe.check(target)).await else {
            return Err(Failure::new(format!("a check ends within {:?}, but this one didn't", self.within)));
        };
        let report = report?;
        ensure!(!report.summary.is_empty(), "a report says in words what was asked and what came back");
        ensure!(report.tries > 0, "a report says how many tries were made: {report:?}");
        Ok(report)
    }
}

/// The cases of a [`HealthProbe`] for the backend that `harness` makes.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(a_good_answer_passes),
        rule!(a_bad_answer_fails, |subject| subject.places.contains_key(&Answers::Badly)),
        rule!(a_redirect_is_not_healthy, |subject| subject.places.contains_key(&Answers::ElsewhereInstead)),
        rule!(no_answer_fails_in_time, |subject| subject.places.contains_key(&Answers::Never)),
        rule!(nobody_there_fails, |subject| subject.places.contains_key(&Answers::NobodyThere)),
        rule!(once_means_one_try, |subject| subject.places.len() > 1),
        rule!(every_check_looks_anew, |subject| subject.places.len() > 1),
        rule!(a_dropped_check_can_be_made_again),
        rule!(without_the_address_it_needs_it_never_passes),
    ]
}

/// A good answer passes, again and again.
pub async fn a_good_answer_passes(subject: &Subject) -> Checked {
    let target = subject.target(Answers::Well).await?;
    for _ in 0..3 {
        let report = subject.check(&target).await?;
        ensure!(report.verdict == Verdict::Pass, "a good answer passes, but: {report:?}");
    }
    Ok(())
}

async fn fails(subject: &Subject, answers: Answers) -> Checked {
    let target = subject.target(answers).await?;
    for once in [false, true] {
        let report = subject.check(&ProbeTarget { once, ..target.clone() }).await?;
        ensure!(report.verdict == Verdict::Fail, "what answers `{answers:?}` fails, but: {report:?}");
    }
    Ok(())
}

/// A bad answer is a report that fails, not an error.
pub async fn a_bad_answer_fails(subject: &Subject) -> Checked {
    fails(subject, Answers::Badly).await
}

/// A redirect is not healthy, wherever it leads.
pub async fn a_redirect_is_not_healthy(subject: &Subject) -> Checked {
    fails(subject, Answers::ElsewhereInstead).await
}

/// Silence is not health: the check fails, within the probe's own deadline.
pub async fn no_answer_fails_in_time(subject: &Subject) -> Checked {
    fails(subject, Answers::Never).await
}

/// Where nobody is there to ask, the check fails.
pub async fn nobody_there_fails(subject: &Subject) -> Checked {
    fails(subject, Answers::NobodyThere).await
}

/// A target that wants one try gets one, whatever the probe is set to.
pub async fn once_means_one_try(subject: &Subject) -> Checked {
    for answers in subject.places.keys() {
        let target = ProbeTarget { once: true, ..subject.target(*answers).await? };
        let report = subject.check(&target).await?;
        same(format!("the tries, with `once`, of what answers `{answers:?}`"), report.tries, 1)?;
    }
    Ok(())
}

/// What was seen before decides nothing: good, bad and good again is told as such.
pub async fn every_check_looks_anew(subject: &Subject) -> Checked {
    for answers in subject.places.keys() {
        for (answers, expected) in [(Answers::Well, true), (*answers, *answers == Answers::Well), (Answers::Well, true)]
        {
            let report = subject.check(&subject.target(answers).await?).await?;
            same(format!("whether what answers `{answers:?}` passes"), report.verdict == Verdict::Pass, expected)?;
        }
    }
    Ok(())
}

/// A check may be dropped at any time, and made again.
pub async fn a_dropped_check_can_be_made_again(subject: &Subject) -> Checked {
    let target = subject.target(Answers::Well).await?;
    for waits in 0..4 {
        let _ = dropped_after(waits, subject.probe.check(&target)).await;
    }
    a_good_answer_passes(subject).await
}

/// A probe that needs an address never passes without one; one that needs none doesn't mind.
pub async fn without_the_address_it_needs_it_never_passes(subject: &Subject) -> Checked {
    let target = ProbeTarget { address: None, ..subject.target(Answers::Well).await? };
    let report = subject.probe.check(&target).await;
    let passed = matches!(&report, Ok(report) if report.verdict == Verdict::Pass);
    let needed = subject.probe.needs_address();
    ensure!(passed != needed, "whether the probe needs an address: {needed}; without one it came to {report:?}");
    Ok(())
}
