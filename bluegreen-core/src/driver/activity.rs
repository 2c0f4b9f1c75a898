//! What takes its time: checks, proofs, waits on others. Each is a future that ends in events.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;

use jiff::Timestamp;

use super::{Backends, Driver, call, persist};
use crate::backend::{
    BackendError, Diagnosis, Endpoint, Finding, GateContext, GateDecision, HealthProbe, MigrationPhase, MigrationRun,
    MigrationStatus, PreflightContext, ProbeTarget, Verdict, Via, chain,
};
use crate::color::Color;
use crate::engine::{Activity, ProbeStage, State};
use crate::record::{Check, Event};
use crate::stage::Stage;

/// So long an answer to a migration's run is waited for before its state is asked for. That a run takes longer is normal.
const MIGRATION_SLICE: Duration = Duration::from_secs(60);

/// How long the read of an address may take.
const ADDRESS: Duration = Duration::from_secs(10);

/// How long to wait before something that failed for the moment is asked again.
const AGAIN: Duration = Duration::from_secs(1);

impl Driver {
    /// Starts an activity, unless it runs already. Another one that runs is dropped.
    pub(super) fn start(&mut self, stage: Stage, activity: Activity, until: Option<Timestamp>) {
        if self.activity.as_ref().is_some_and(|(running, _)| *running == activity) {
            return;
        }
        let what = activity.to_string();
        self.say_waiting(stage, &what, until);
        let span = tracing::info_span!("bluegreen.step", step = %what);
        let context = Context {
            backends: Arc::clone(&self.backends),
            state: self.state.clone(),
            endpoints: Color::ALL.map(|color| {
                self.view.heard(color).map(|seen| seen.members.iter().cloned().collect()).unwrap_or_default()
            }),
        };
        let running = tracing::Instrument::instrument(context.perform(activity.clone()), span).boxed();
        self.activity = Some((activity, running));
    }
}

/// What an activity works with; a copy, as the rollout goes on meanwhile.
struct Context {
    backends: Arc<Backends>,
    state: State,
    endpoints: [Vec<Endpoint>; 2],
}

impl Context {
    async fn perform(self, activity: Activity) -> Vec<Event> {
        let check = activity.check();
        match activity {
            Activity::Preflight => vec![self.preflight().await],
            Activity::Backup => self.backup().await,
            Activity::Migrate { resumed } => vec![outcome(check, self.migrate(resumed).await)],
            Activity::OldRelease => vec![outcome(check, self.old_release().await)],
            Activity::Pin { color, minimum } => vec![outcome(check, self.pin(color, minimum).await)],
            Activity::PreparePreview(color) => vec![outcome(check, self.prepare_preview(color).await)],
            Activity::Probe { stage, index } => vec![outcome(check, self.probe(stage, index).await)],
            Activity::Approve => vec![outcome(check, self.approve().await)],
            Activity::Converge { color, endpoints, .. } => {
                let evidence = self.converge(color, &endpoints).await;
                vec![Event::Passed { check, summary: evidence }]
            }
            Activity::Drain { endpoints, .. } => {
                let endpoints: Vec<_> = endpoints.into_iter().collect();
                vec![Event::Passed { check, summary: self.drain(&endpoints).await }]
            }
            Activity::BeginDrain { endpoints, .. } => {
                let endpoints: Vec<_> = endpoints.into_iter().collect();
                vec![Event::Passed { check, summary: self.begin_drain(&endpoints).await }]
            }
            Activity::CancelDrain(color) => vec![Event::Passed { check, summary: self.cancel_drain(color).await }],
            Activity::Diagnose(color) => vec![Event::Evidence { color, diagnosis: self.diagnose(color).await }],
        }
    }

    fn deadline(&self) -> Duration {
        self.state.plan().call_deadline
    }

    /// Calls until it succeeds, each time for as long as a call may take.
    async fn insist<T: Send, F: Future<Output = Result<T, BackendError>> + Send>(
        &self,
        action: &str,
        object: &str,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<T, (Verdict, String)> {
        let asked = persist(|| call(self.deadline(), action, object, ask())).await;
        asked.map_err(|error| (Verdict::Inconclusive, chain(&error)))
    }

    fn endpoints(&self, color: Color) -> &[Endpoint] {
        let [blue, green] = &self.endpoints;
        if color == Color::Blue { blue } else { green }
    }

    async fn preflight(&self) -> Event {
        let started = &self.state.started;
        let context = PreflightContext {
            target: started.plan.target.clone(),
            release: started.release.clone(),
            active: started.old,
            standby: started.new,
        };
        let deadline = self.deadline();
        let findings = join_all(self.backends.preflights.iter().map(|preflight| async {
            let kind = preflight.describe().kind;
            let finding = call(deadline, "check", &kind, preflight.check(&context)).await;
            (kind, finding)
        }));
        preflight_event(findings.await)
    }

    async fn backup(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for color in Color::ALL {
            let snapshot = self.backends.environment.snapshot(color);
            match call(self.deadline(), "copy", color.as_str(), snapshot).await {
                Ok(snapshot) => events.push(Event::Kept { snapshot }),
                Err(error) => return vec![outcome(Check::Backup, Err((Verdict::Inconclusive, chain(&error))))],
            }
        }
        events.push(Event::Passed { check: Check::Backup, summary: "kept with the journal".to_owned() });
        events
    }

    fn migration_run(&self, set: String) -> MigrationRun {
        let started = &self.state.started;
        MigrationRun {
            rollout: self.state.rollout.clone(),
            release: started.release.clone(),
            serving: started.old_release.clone(),
            set,
            phase: MigrationPhase::Expand,
        }
    }

    /// Runs to its end however long that takes: a migration is never given up half-way.
    async fn migrate(&self, resumed: bool) -> Checked {
        let Some(runner) = &self.backends.migrations else {
            return Ok("nothing to run".to_owned());
        };
        let release = &self.state.started.release;
        let pending = self.insist("list", "pending migrations", || runner.pending(release)).await?;
        if pending.migrations.is_empty() {
            return Ok("nothing pending".to_owned());
        }
        let run = self.migration_run(pending.set);
        let mut status = self.insist("look for", &run.set, || runner.status(&run)).await?;
        if resumed && status == MigrationStatus::NotStarted {
            let lost = "it was about to be run when its program died, and there is no trace of it: see whether it ran";
            return Err((Verdict::Inconclusive, lost.to_owned()));
        }
        loop {
            match status {
                MigrationStatus::Succeeded { .. } => return Ok(format!("ran {}", pending.migrations.join(", "))),
                MigrationStatus::Failed { reason, log } => return Err((Verdict::Fail, format!("{reason}: {log}"))),
                MigrationStatus::NotStarted | MigrationStatus::Running => {}
            }
            // Asked for again and again, as an answer may be lost; the run itself goes on.
            status = match call(MIGRATION_SLICE, "run", &run.set, runner.run(&run)).await {
                Ok(status) => status,
                Err(error) => {
                    tracing::debug!(error = chain(&error), "the migration has not answered; asking how it does");
                    tokio::time::sleep(AGAIN).await;
                    self.insist("look for", &run.set, || runner.status(&run)).await?
                }
            };
        }
    }

    async fn old_release(&self) -> Checked {
        let Some(runner) = &self.backends.migrations else {
            return Ok("nothing was run".to_owned());
        };
        let run = self.migration_run(String::new());
        // It starts a replica of the old release, and so may take as long as one takes to become ready.
        let deadline = self.state.plan().ready_deadline;
        match call(deadline, "try", "the old release on the new schema", runner.old_release_works(&run)).await {
            Ok(report) if report.works => Ok(report.evidence),
            Ok(report) => Err((Verdict::Fail, report.evidence)),
            Err(error) => Err((Verdict::Inconclusive, chain(&error))),
        }
    }

    async fn pin(&self, color: Color, minimum: Option<u32>) -> Checked {
        let pin = || self.backends.environment.pin_capacity(color, minimum);
        let written = self.insist("pin", color.as_str(), pin).await?;
        let to = minimum.map_or_else(|| "what it was".to_owned(), |minimum| format!("at least {minimum}"));
        Ok(if written { format!("set to {to}") } else { format!("was {to} already") })
    }

    async fn prepare_preview(&self, color: Color) -> Checked {
        let prepare = || self.backends.router.prepare_preview(color);
        let made = self.insist("make a preview path to", color.as_str(), prepare).await?;
        Ok(if made { "made".to_owned() } else { "there".to_owned() })
    }

    async fn probe(&self, stage: ProbeStage, index: usize) -> Checked {
        let (list, color, via) = match stage {
            ProbeStage::Smoke => (&self.backends.smoke, self.state.started.new, Via::Preview),
            ProbeStage::WarmUp => (&self.backends.warm_up, self.state.started.new, Via::Preview),
            ProbeStage::FinalNew => (&self.backends.final_health, self.state.started.new, Via::Preview),
            ProbeStage::FinalOld => (&self.backends.final_health, self.state.started.old, Via::Production),
        };
        let Some(probe) = list.get(index) else {
            return Err((Verdict::Inconclusive, "no such probe".to_owned()));
        };
        let endpoints = self.endpoints(color).to_vec();
        let target = ProbeTarget { color, via, address: None, endpoints, once: false };
        let deadline = self.state.plan().probe_deadline;
        let probed = tokio::time::timeout(deadline, run_probe(&self.backends, &**probe, target)).await;
        probed.unwrap_or_else(|_| Err((Verdict::Inconclusive, format!("no verdict within {deadline:?}"))))
    }

    async fn approve(&self) -> Checked {
        let context = GateContext {
            rollout: self.state.rollout.clone(),
            target: self.state.plan().target.clone(),
            release: self.state.started.release.clone(),
        };
        loop {
            let Some(gate) = &self.backends.gate else { std::future::pending().await };
            let wait = match call(self.deadline(), "ask", "the gate", gate.decide(&context)).await {
                Ok(GateDecision::Go { by, reason }) => return Ok(format!("{by}: {reason}")),
                Ok(GateDecision::No { by, reason }) => return Err((Verdict::Fail, format!("{by}: {reason}"))),
                Ok(GateDecision::AskAgain(wait)) => wait,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "the gate could not be asked");
                    AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Without end where there is no proof: the engine bounds it.
    async fn converge(&self, color: Color, endpoints: &std::collections::BTreeSet<Endpoint>) -> String {
        loop {
            match self.backends.router.converge(color, endpoints).await {
                Ok(convergence) => return convergence.evidence,
                Err(error) => tracing::warn!(error = chain(&error), "convergence can't be observed; trying again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Without end while connections are open: the engine bounds it.
    async fn drain(&self, endpoints: &[Endpoint]) -> String {
        let Some(drainer) = &self.backends.drainer else { std::future::pending().await };
        let mut begun = false;
        loop {
            if !begun {
                let asked = call(self.deadline(), "drain", "the old color", drainer.begin(endpoints)).await;
                begun =
                    asked.inspect_err(|error| tracing::warn!(error = chain(error), "asked to drain in vain")).is_ok();
            }
            match call(self.deadline(), "count connections of", "the old color", drainer.open(endpoints)).await {
                Ok(open) if begun && open.count == 0 => return "no connection is open any more".to_owned(),
                Ok(open) => tracing::debug!(open = open.count, "connections are open"),
                Err(error) => tracing::warn!(error = chain(&error), "open connections can't be counted"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn begin_drain(&self, endpoints: &[Endpoint]) -> String {
        let Some(drainer) = &self.backends.drainer else { return "nothing to ask".to_owned() };
        match self.insist("drain", "the old color", || drainer.begin(endpoints)).await {
            Ok(()) => format!("{} asked to finish their connections", endpoints.len()),
            Err((_, error)) => format!("could not be asked: {error}"),
        }
    }

    async fn cancel_drain(&self, color: Color) -> String {
        let Some(drainer) = &self.backends.drainer else {
            return "nothing to take back".to_owned();
        };
        match self.insist("stop draining", color.as_str(), || drainer.cancel(self.endpoints(color))).await {
            Ok(()) => "serves as before".to_owned(),
            Err((_, error)) => format!("could not be told, and goes on draining: {error}"),
        }
    }

    async fn diagnose(&self, color: Color) -> Diagnosis {
        let diagnose = self.backends.environment.diagnose(color);
        call(self.deadline(), "diagnose", color.as_str(), diagnose).await.unwrap_or_else(|error| Diagnosis {
            causes: vec![format!("{color} could not be diagnosed: {}", chain(&error))],
            ..Diagnosis::default()
        })
    }
}

/// A summary, or a verdict and what it rests on.
pub(super) type Checked = Result<String, (Verdict, String)>;

fn outcome(check: Check, checked: Checked) -> Event {
    match checked {
        Ok(summary) => Event::Passed { check, summary },
        Err((verdict, summary)) => Event::Failed { check, verdict, summary },
    }
}

/// Runs a probe once, through the address that the router gives.
pub(super) async fn run_probe(backends: &Backends, probe: &dyn HealthProbe, mut target: ProbeTarget) -> Checked {
    let unusable = |error: &BackendError| (Verdict::Inconclusive, chain(error));
    if probe.needs_address() {
        let address = || {
            call(
                ADDRESS,
                "find an address of",
                target.color.as_str(),
                backends.router.address(target.via, target.color),
            )
        };
        let address = persist(address).await;
        target.address = address.map_err(|error| unusable(&error))?;
    }
    let report = probe.check(&target).await.map_err(|error| unusable(&error))?;
    if report.verdict == Verdict::Pass { Ok(report.summary) } else { Err((report.verdict, report.summary)) }
}

/// All failures of preflights together.
fn preflight_event(findings: Vec<(String, Result<Finding, BackendError>)>) -> Event {
    let (mut failures, mut notes) = (Vec::new(), Vec::new());
    for (kind, finding) in findings {
        match finding {
            Ok(Finding::Passed { message }) => notes.push(format!("{kind}: {message}")),
            Ok(Finding::Warning { message }) => notes.push(format!("{kind}: warning: {message}")),
            Ok(Finding::Failed { message }) => failures.push(format!("{kind}: {message}")),
            Err(error) => failures.push(format!("{kind}: {}", chain(&error))),
        }
    }
    let check = Check::Preflight;
    if failures.is_empty() {
        Event::Passed { check, summary: notes.join("; ") }
    } else {
        Event::Failed { check, verdict: Verdict::Fail, summary: failures.join("; ") }
    }
}
