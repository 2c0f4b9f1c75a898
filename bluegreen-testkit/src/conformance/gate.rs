//! What every [`Gate`] has to hold.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Gate, GateContext, GateDecision, Release, RolloutId, Target};
use tokio::time::timeout;

use super::case::{Harness, Rule, Suite, rule};
use super::check::{dropped_after, ensure, same};
use super::lever::Lever;
use super::{Checked, Failure};

/// How long a gate that returns at once may take.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A gate at which nothing was decided yet, and a way to decide.
#[derive(Debug)]
pub struct Subject {
    gate: Arc<dyn Gate>,
    decides: Lever<GateDecision>,
    context: GateContext,
}

impl Subject {
    /// A gate, and a way to decide [`GateDecision::Go`] or [`GateDecision::No`] at it, as a person would.
    pub fn new<F>(gate: impl Gate, decide: impl Fn(GateDecision) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let context = GateContext {
            rollout: RolloutId::from("20261122t040506-1a2b3c4d".to_owned()),
            target: Target::new("shop", "checkout"),
            release: Release::version("v2"),
        };
        Self { gate: Arc::new(gate), decides: Lever::new(decide), context }
    }

    /// Lets cases ask about this rollout, where the gate knows only certain ones.
    #[must_use]
    pub fn context(mut self, context: GateContext) -> Self {
        self.context = context;
        self
    }

    async fn ask(&self) -> Result<GateDecision, Failure> {
        match timeout(AT_ONCE, self.gate.decide(&self.context)).await {
            Ok(decision) => Ok(decision?),
            Err(_) => Err(Failure::new(format!("a gate returns at once, but this one didn't within {AT_ONCE:?}"))),
        }
    }
}

/// The cases of a [`Gate`] for the backend that `harness` makes. Every subject begins undecided.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(an_undecided_gate_says_when_to_ask_again),
        rule!(a_yes_names_who_and_why),
        rule!(a_no_names_who_and_why),
        rule!(asking_decides_nothing),
    ]
}

/// Undecided means: ask again, after some time. It is said at once.
pub async fn an_undecided_gate_says_when_to_ask_again(subject: &Subject) -> Checked {
    for _ in 0..3 {
        let decision = subject.ask().await?;
        ensure!(
            matches!(decision, GateDecision::AskAgain(after) if !after.is_zero()),
            "nothing was decided, but the gate says {decision:?}"
        );
    }
    Ok(())
}

/// A yes is told with who said so and why, as often as it is asked for.
pub async fn a_yes_names_who_and_why(subject: &Subject) -> Checked {
    told(subject, GateDecision::Go { by: "ann".to_owned(), reason: "looks good".to_owned() }).await
}

/// A no is told with who said so and why, as often as it is asked for.
pub async fn a_no_names_who_and_why(subject: &Subject) -> Checked {
    told(subject, GateDecision::No { by: "bob".to_owned(), reason: "not on a Friday".to_owned() }).await
}

async fn told(subject: &Subject, decision: GateDecision) -> Checked {
    subject.decides.pull(decision.clone()).await?;
    for _ in 0..3 {
        same("what the gate says", &subject.ask().await?, &decision)?;
    }
    Ok(())
}

/// Asking, and giving up to ask, decides nothing.
pub async fn asking_decides_nothing(subject: &Subject) -> Checked {
    for waits in 0..4 {
        let _ = dropped_after(waits, subject.gate.decide(&subject.context)).await;
    }
    an_undecided_gate_says_when_to_ask_again(subject).await?;
    a_yes_names_who_and_why(subject).await
}
