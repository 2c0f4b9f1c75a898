//! The whole plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::watch::WatchSpec;
use crate::backend::Description;
use crate::stage::Stage;
use crate::target::Target;

/// Everything that decides what a rollout does, as data.
///
/// Two rollouts with equal specs and backends behave alike; a recovery under a different spec is refused, naming the
/// fields that differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanSpec {
    /// Where to.
    pub target: Target,
    /// What runs the colors.
    pub environment: Description,
    /// What moves the traffic.
    pub router: Description,
    /// How many replicas the new color gets.
    pub capacity: Capacity,
    /// What is checked before anything is written.
    pub preflights: Vec<Description>,
    /// Whether everything that may be changed is copied first.
    pub backup: bool,
    /// The migration.
    pub migration: Option<MigrationSpec>,
    /// How long the new color may take to become ready, from its deployment.
    pub ready_deadline: Duration,
    /// How long each probe of the stages before the switch may take, all its tries together.
    #[serde(default = "probe_deadline")]
    pub probe_deadline: Duration,
    /// Probes of the new color before it gets traffic.
    pub smoke: Vec<Description>,
    /// Probes that warm the new color up, or put it under load, and say when it is warm.
    pub warm_up: Vec<Description>,
    /// Steps of weighted traffic before the switch.
    pub canary: Vec<CanaryStep>,
    /// The decision that is awaited before the switch.
    pub approval: Option<ApprovalSpec>,
    /// Probes of both colors right before the switch.
    pub final_health: Vec<Description>,
    /// How long proof of convergence may take, from the switch.
    pub converge_deadline: Duration,
    /// How long to wait after convergence for what can't be observed.
    pub settle: Duration,
    /// The watch.
    pub watch: Option<WatchSpec>,
    /// How long open connections may stay on a color that no longer serves, from convergence.
    pub drain: Duration,
    /// What moves connections off it.
    pub drainer: Option<Description>,
    /// How long a retired color stays restorable.
    pub retention: Duration,
    /// How a rollback is done.
    pub roll_back: RollBackSpec,
    /// How long a single call of a backend may take.
    pub call_deadline: Duration,
    /// How often a write is tried.
    pub writes: WriteBudget,
    /// How long the world may be unreachable before the program gives up, leaving everything as it is.
    pub patience: Duration,
}

impl PlanSpec {
    /// The plan that [`Rollout::builder`](crate::Rollout::builder) starts from.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            environment: Description::default(),
            router: Description::default(),
            capacity: Capacity::MatchActive,
            preflights: Vec::new(),
            backup: false,
            migration: None,
            ready_deadline: Duration::from_secs(600),
            probe_deadline: probe_deadline(),
            smoke: Vec::new(),
            warm_up: Vec::new(),
            canary: Vec::new(),
            approval: None,
            final_health: Vec::new(),
            converge_deadline: Duration::from_secs(60),
            settle: Duration::from_secs(10),
            watch: None,
            drain: Duration::from_secs(60),
            drainer: None,
            retention: Duration::from_secs(24 * 3600),
            roll_back: RollBackSpec::default(),
            call_deadline: Duration::from_secs(10),
            writes: WriteBudget::default(),
            patience: Duration::from_secs(600),
        }
    }

    /// The stages that a rollout under this plan goes through, in order, without those of a bad end.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let migrates = |placement| self.migration.as_ref().is_some_and(|migration| migration.placement == placement);
        let checks_old = self.migration.as_ref().is_some_and(|migration| migration.check_old_release);
        let after_deploy = migrates(Placement::AfterDeploy);
        [
            (Stage::Preflight, !self.preflights.is_empty()),
            (Stage::Raise, true),
            (Stage::Backup, self.backup),
            (Stage::Migrate, migrates(Placement::BeforeDeploy)),
            (Stage::OldRelease, checks_old && !after_deploy),
            (Stage::Deploy, true),
            (Stage::Ready, true),
            (Stage::Migrate, after_deploy),
            (Stage::OldRelease, checks_old && after_deploy),
            (Stage::Smoke, !self.smoke.is_empty()),
            (Stage::WarmUp, !self.warm_up.is_empty()),
            (Stage::Canary, !self.canary.is_empty()),
            (Stage::Approve, self.approval.is_some()),
            (Stage::FinalHealth, !self.final_health.is_empty()),
            (Stage::Switch, true),
            (Stage::Converge, true),
            (Stage::Watch, self.watch.is_some()),
            (Stage::Drain, self.watch.is_some()),
            (Stage::Retire, self.watch.is_some()),
        ]
        .into_iter()
        .filter_map(|(stage, wanted)| wanted.then_some(stage))
        .collect()
    }

    /// The fields in which `self` and `other` differ, as JSON pointers with both values; empty if they are equal.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (Ok(ours), Ok(theirs)) = (serde_json::to_value(self), serde_json::to_value(other)) else {
            return if self == other { Vec::new() } else { vec!["the plans differ".to_owned()] };
        };
        let mut found = Vec::new();
        differences("", &ours, &theirs, &mut found);
        found
    }
}

fn differences(path: &str, ours: &serde_json::Value, theirs: &serde_json::Value, found: &mut Vec<String>) {
    use serde_json::Value;
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differences(&format!("{path}/{key}"), &value(a), &value(b), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a} here, {b} in the journal")),
    }
}

/// The bound of probes, also of plans in journals that were written before there was one.
const fn probe_deadline() -> Duration {
    Duration::from_secs(1800)
}

/// How many replicas the new color gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// As many as are ready in the active color when the rollout deploys, and at least 1.
    MatchActive,
    /// This many.
    Exactly(u32),
}

/// A migration as part of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationSpec {
    /// What runs it.
    pub runner: Description,
    /// When it is run.
    pub placement: Placement,
    /// Whether the old release is tried on the new schema before traffic moves.
    pub check_old_release: bool,
}

/// When a migration is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Before the new release starts, which is right for expand-and-contract.
    BeforeDeploy,
    /// When the new release is ready, before it gets traffic.
    AfterDeploy,
}

/// One step of weighted traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStep {
    /// The share of the new color, from 1 to 99.
    pub percent: u32,
    /// How long it is held.
    pub hold: Duration,
}

/// A decision that is awaited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalSpec {
    /// Who decides; the handle can approve, too.
    pub gate: Description,
    /// How long to wait.
    pub expires: Duration,
    /// What happens then.
    pub on_expiry: Expiry,
}

/// What happens when nobody decided in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// End the rollout.
    Abort,
    /// Go on.
    Proceed,
}

/// How a rollback is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBackSpec {
    /// How long the old color may take to become ready, from the decision. Past it the rollout halts, leaving the new
    /// color as it is.
    pub deadline: Duration,
    /// Whether the color that failed is scaled down once traffic has provably returned and connections are drained.
    pub take_down: bool,
}

impl Default for RollBackSpec {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(600), take_down: true }
    }
}

/// How often one write is tried. Every try comes after a read and carries a stamp of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBudget {
    /// At most this many times, not counting tries that certainly never reached the server.
    pub attempts: u32,
    /// At most this long. A switch back is tried until the rollback's own deadline.
    pub within: Duration,
}

impl Default for WriteBudget {
    fn default() -> Self {
        Self { attempts: 3, within: Duration::from_secs(30) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_fields() {
        let plan = PlanSpec::new(Target::new("shop", "checkout"));
        let mut other = plan.clone();
        other.settle = Duration::from_secs(3);
        other.capacity = Capacity::Exactly(2);
        assert!(plan.differences(&plan).is_empty());
        assert_eq!(
            plan.differences(&other),
            [
                "/capacity: \"match_active\" here, {\"exactly\":2} in the journal",
                "/settle/secs: 10 here, 3 in the journal"
            ]
        );
    }

    #[test]
    fn plans_in_older_journals_are_read() {
        let plan = PlanSpec::new(Target::new("shop", "checkout"));
        let mut older = serde_json::to_value(&plan).unwrap();
        assert!(older.as_object_mut().unwrap().remove("probe_deadline").is_some());
        assert_eq!(serde_json::from_value::<PlanSpec>(older).unwrap(), plan);
    }
}
