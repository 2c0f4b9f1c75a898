//! Describing a rollout.

use std::sync::Arc;
use std::time::Duration;

use super::Rollout;
use crate::backend::{Drainer, Environment, Gate, HealthProbe, MigrationRunner, Preflight, TrafficRouter};
use crate::clock::{Clock, Entropy, System};
use crate::driver::Backends;
use crate::engine::{Decide, Engine};
use crate::plan::{
    Abilities, ApprovalSpec, CanaryStep, Capacity, Expiry, MigrationSpec, Placement, PlanError, PlanSpec, Problem,
    RollBackSpec, Watch, WriteBudget, validate,
};
use crate::record::{Journal, Observer};
use crate::target::Target;

/// Describes a rollout. Setters never fail; [`build`](Self::build) finds everything that is wrong, at once.
#[derive(Debug)]
#[must_use]
pub struct RolloutBuilder {
    spec: PlanSpec,
    environment: Option<Arc<dyn Environment>>,
    router: Option<Arc<dyn TrafficRouter>>,
    journal: Option<Arc<dyn Journal>>,
    preflights: Vec<Arc<dyn Preflight>>,
    migrations: Option<Arc<dyn MigrationRunner>>,
    smoke: Vec<Arc<dyn HealthProbe>>,
    warm_up: Vec<Arc<dyn HealthProbe>>,
    final_health: Vec<Arc<dyn HealthProbe>>,
    gate: Option<Arc<dyn Gate>>,
    drainer: Option<Arc<dyn Drainer>>,
    watch: Option<Watch>,
    observers: Vec<Arc<dyn Observer>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    decider: Arc<dyn Decide>,
    take_over: bool,
}

impl RolloutBuilder {
    pub(super) fn new(target: Target) -> Self {
        Self {
            spec: PlanSpec::new(target),
            environment: None,
            router: None,
            journal: None,
            preflights: Vec::new(),
            migrations: None,
            smoke: Vec::new(),
            warm_up: Vec::new(),
            final_health: Vec::new(),
            gate: None,
            drainer: None,
            watch: None,
            observers: Vec::new(),
            clock: Arc::new(System),
            entropy: Arc::new(System),
            decider: Arc::new(Engine),
            take_over: false,
        }
    }

    /// What runs the two colors. Required.
    pub fn environment(mut self, environment: impl Environment) -> Self {
        self.environment = Some(Arc::new(environment));
        self
    }

    /// What moves the traffic. Required.
    pub fn router(mut self, router: impl TrafficRouter) -> Self {
        self.router = Some(Arc::new(router));
        self
    }

    /// Where the record is kept. Required.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// A precondition of one's own, beside those of the backends. May be called again.
    pub fn preflight(mut self, preflight: impl Preflight) -> Self {
        self.preflights.push(Arc::new(preflight));
        self
    }

    /// How many replicas the new color gets; as many as are ready in the active one unless set.
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.spec.capacity = capacity;
        self
    }

    /// Copies everything that may be changed into the journal first.
    pub fn backup(mut self) -> Self {
        self.spec.backup = true;
        self
    }

    /// Runs migrations, and tries the old release on the new schema before traffic moves.
    pub fn migrations(mut self, runner: impl MigrationRunner, placement: Placement) -> Self {
        self.spec.migration = Some(MigrationSpec { runner: runner.describe(), placement, check_old_release: true });
        self.migrations = Some(Arc::new(runner));
        self
    }

    /// How long the new color may take to become ready; 10 min unless set.
    pub fn ready_within(mut self, deadline: Duration) -> Self {
        self.spec.ready_deadline = deadline;
        self
    }

    /// How long each probe before the switch may take, all its tries together; 30 min unless set, enough for a load test.
    pub fn probes_within(mut self, deadline: Duration) -> Self {
        self.spec.probe_deadline = deadline;
        self
    }

    /// Probes the new color through its preview path before it gets traffic. May be called again.
    pub fn smoke(mut self, probe: impl HealthProbe) -> Self {
        self.spec.smoke.push(probe.describe());
        self.smoke.push(Arc::new(probe));
        self
    }

    /// Warms the new color up, or puts it under load; the probe passes when it is warm. May be called again.
    pub fn warm_up(mut self, probe: impl HealthProbe) -> Self {
        self.spec.warm_up.push(probe.describe());
        self.warm_up.push(Arc::new(probe));
        self
    }

    /// Shifts `percent` of the traffic for `hold` before the switch. May be called again, with growing shares.
    pub fn canary(mut self, percent: u32, hold: Duration) -> Self {
        self.spec.canary.push(CanaryStep { percent, hold });
        self
    }

    /// Awaits a decision before the switch.
    pub fn approval(mut self, gate: impl Gate, expires: Duration, on_expiry: Expiry) -> Self {
        self.spec.approval = Some(ApprovalSpec { gate: gate.describe(), expires, on_expiry });
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Probes both colors right before the switch: the new one through its preview path, the old one through the
    /// production route. May be called again.
    pub fn final_health(mut self, probe: impl HealthProbe) -> Self {
        self.spec.final_health.push(probe.describe());
        self.final_health.push(Arc::new(probe));
        self
    }

    /// How long proof that traffic arrived may take; 60 s unless set.
    pub fn converge_within(mut self, deadline: Duration) -> Self {
        self.spec.converge_deadline = deadline;
        self
    }

    /// How long to wait after convergence for data planes that can't be observed; 10 s unless set.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.spec.settle = settle;
        self
    }

    /// Observes the new release after the switch. Without a watch nothing is ever proven, and nothing retired.
    pub fn watch(mut self, watch: Watch) -> Self {
        self.spec.watch = Some(watch.spec.clone());
        self.watch = Some(watch);
        self
    }

    /// How long open connections may stay on a color that no longer serves; 60 s unless set.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.spec.drain = drain;
        self
    }

    /// What moves open connections off a color, and counts them: drained is drained, however early.
    pub fn drainer(mut self, drainer: impl Drainer) -> Self {
        self.spec.drainer = Some(drainer.describe());
        self.drainer = Some(Arc::new(drainer));
        self
    }

    /// How long a retired color stays restorable; 24 h unless set.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.spec.retention = retention;
        self
    }

    /// How a rollback is done.
    pub fn roll_back(mut self, roll_back: RollBackSpec) -> Self {
        self.spec.roll_back = roll_back;
        self
    }

    /// How long a single call of a backend may take; 10 s unless set.
    pub fn call_deadline(mut self, deadline: Duration) -> Self {
        self.spec.call_deadline = deadline;
        self
    }

    /// How often a write is tried.
    pub fn writes(mut self, budget: WriteBudget) -> Self {
        self.spec.writes = budget;
        self
    }

    /// How long the world may be unreachable before the program gives up; 10 min unless set.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.spec.patience = patience;
        self
    }

    /// Receives what goes on. May be called again.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// The clock; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where names come from; the system's randomness unless set.
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// What decides; the [`Engine`] unless set. For tests of tests, with a wrapper around the right one.
    pub fn decider(mut self, decider: impl Decide) -> Self {
        self.decider = Arc::new(decider);
        self
    }

    /// Starts even though another rollout that hasn't ended holds the route. That one ends as superseded.
    pub fn take_over(mut self) -> Self {
        self.take_over = true;
        self
    }

    /// The rollout, or everything that is wrong with it as far as that can be told without a network.
    pub fn build(mut self) -> Result<Rollout, PlanError> {
        let mut problems = self.describe_backends();
        let abilities = self.abilities();
        problems.extend(validate(&self.spec, abilities));
        let (Some(environment), Some(router), Some(journal), true) =
            (self.environment, self.router, self.journal, problems.is_empty())
        else {
            return Err(PlanError { problems });
        };
        let (probes, signals) = self.watch.map(|watch| (watch.probes, watch.signals)).unwrap_or_default();
        let backends = Backends {
            environment,
            router,
            journal,
            preflights: self.preflights,
            migrations: self.migrations,
            smoke: self.smoke,
            warm_up: self.warm_up,
            final_health: self.final_health,
            gate: self.gate,
            drainer: self.drainer,
            probes,
            signals,
            observers: self.observers,
            clock: self.clock,
            entropy: self.entropy,
            decider: self.decider,
        };
        Ok(Rollout { spec: self.spec, backends: Arc::new(backends), take_over: self.take_over })
    }

    /// Puts the backends' own descriptions and checks into the plan, and says which backends are missing.
    fn describe_backends(&mut self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut missing = |field: &str| {
            problems.push(Problem { field: field.to_owned(), message: "is required and was not given".to_owned() });
        };
        let mut preflights = Vec::new();
        match &self.environment {
            Some(environment) => {
                self.spec.environment = environment.describe();
                preflights.extend(environment.preflights());
            }
            None => missing("environment"),
        }
        match &self.router {
            Some(router) => {
                self.spec.router = router.describe();
                preflights.extend(router.preflights());
            }
            None => missing("router"),
        }
        if self.journal.is_none() {
            missing("journal");
        }
        preflights.append(&mut self.preflights);
        self.spec.preflights = preflights.iter().map(|preflight| preflight.describe()).collect();
        self.preflights = preflights;
        problems
    }

    fn abilities(&self) -> Abilities {
        let needs = |list: &[Arc<dyn HealthProbe>]| list.iter().any(|probe| probe.needs_address());
        let before = [&self.smoke, &self.warm_up, &self.final_health];
        let watched = self.watch.as_ref().is_some_and(|watch| needs(&watch.probes));
        Abilities {
            environment: self.environment.as_ref().map(|environment| environment.capabilities()).unwrap_or_default(),
            router: self.router.as_ref().map(|router| router.capabilities()).unwrap_or_default(),
            needs_preview: before.into_iter().any(|list| needs(list)),
            needs_production: watched || needs(&self.final_health),
        }
    }
}
