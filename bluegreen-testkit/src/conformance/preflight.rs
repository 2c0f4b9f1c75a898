//! What every [`Preflight`] has to hold.

use std::sync::Arc;

use bluegreen_core::{Finding, Preflight, PreflightContext};

use super::case::{Harness, Rule, Suite, rule};
use super::check::{dropped_after, ensure, same};
use super::lever::{Lever, pull};
use super::{Checked, Failure};

/// A precondition that holds, and what a harness can do to it. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    preflight: Arc<dyn Preflight>,
    context: PreflightContext,
    breaks: Lever<()>,
    looks: Option<Lever<(), String>>,
}

impl Subject {
    /// A precondition that holds, for a rollout for which it does, and a way to break it.
    pub fn new<F>(
        preflight: impl Preflight,
        context: PreflightContext,
        break_it: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { preflight: Arc::new(preflight), context, breaks: Lever::new(move |()| break_it()), looks: None }
    }

    /// Offers to look at everything that the check could change, as text.
    #[must_use]
    pub fn looks<F>(mut self, look: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, Failure>> + Send + 'static,
    {
        self.looks = Some(Lever::new(move |()| look()));
        self
    }

    async fn check(&self) -> Result<Finding, Failure> {
        Ok(self.preflight.check(&self.context).await?)
    }
}

/// The cases of a [`Preflight`] for the backend that `harness` makes. Every subject begins with
/// a precondition that holds.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(what_holds_passes_and_says_what_was_seen),
        rule!(what_does_not_hold_fails_and_says_what_to_do),
        rule!(checking_changes_nothing, |subject| subject.looks.is_some()),
        rule!(a_dropped_check_can_be_made_again),
    ]
}

fn passed(finding: &Finding) -> Checked {
    let (Finding::Passed { message } | Finding::Warning { message }) = finding else {
        return Err(Failure::new(format!("the precondition holds, but the finding is: {finding}")));
    };
    ensure!(!message.is_empty(), "a finding says what was seen");
    Ok(())
}

/// A precondition that holds passes, and passes again.
pub async fn what_holds_passes_and_says_what_was_seen(subject: &Subject) -> Checked {
    let first = subject.check().await?;
    passed(&first)?;
    passed(&subject.check().await?)
}

/// A precondition that doesn't hold fails, with words; and fails again.
pub async fn what_does_not_hold_fails_and_says_what_to_do(subject: &Subject) -> Checked {
    passed(&subject.check().await?)?;
    subject.breaks.pull(()).await?;
    for _ in 0..2 {
        // An error counts as a failure.
        match subject.preflight.check(&subject.context).await {
            Ok(Finding::Failed { message }) => ensure!(!message.is_empty(), "a finding says what was seen"),
            Ok(finding) => {
                return Err(Failure::new(format!("the precondition is broken, but the finding is: {finding}")));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Checking changes nothing, whether it passes or fails.
pub async fn checking_changes_nothing(subject: &Subject) -> Checked {
    let before = pull(subject.looks.as_ref(), ()).await?;
    subject.check().await?;
    same("what the check could change", pull(subject.looks.as_ref(), ()).await?, before)?;
    subject.breaks.pull(()).await?;
    let broken = pull(subject.looks.as_ref(), ()).await?;
    let _ = subject.preflight.check(&subject.context).await;
    same("what the check could change, when it failed", pull(subject.looks.as_ref(), ()).await?, broken)
}

/// A check that is dropped, wherever it was, can be made again.
pub async fn a_dropped_check_can_be_made_again(subject: &Subject) -> Checked {
    for waits in 0..4 {
        let _ = dropped_after(waits, subject.preflight.check(&subject.context)).await;
    }
    passed(&subject.check().await?)
}
