//! The door: build a rollout, run it, look at it, recover it.

mod builder;
mod outcome;
mod planned;
mod survey;

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, watch};

pub use self::builder::RolloutBuilder;
pub use self::outcome::Outcome;
pub use self::planned::{Planned, PlannedStage};
use self::survey::Survey;
pub use self::survey::TargetStatus;
use crate::backend::{Finding, PreflightContext, RouteMark, chain};
use crate::color::Color;
use crate::driver::{Backends, Driver, Ledger, Status, call};
use crate::engine::{State, open_rollout};
use crate::error::RunError;
use crate::handle::{Handle, Told};
use crate::ids::{Holder, RolloutId};
use crate::plan::{PlanError, PlanSpec, Problem};
use crate::record::{End, Event, Kind, Record, Started};
use crate::release::Release;
use crate::report::Report;
use crate::stage::Stage;
use crate::target::Target;

/// So many requests of people may wait to be taken.
const REQUESTS: usize = 16;
/// So many updates are kept for a reader that is slow. The room for them is taken when a rollout begins.
const UPDATES: usize = 1024;

/// A validated plan with its backends: everything that is needed to bring releases to users.
///
/// A rollout can be used again and again, for one release after the other, but only for one at a time: the route tells
/// who holds it.
#[derive(Debug, Clone)]
pub struct Rollout {
    spec: PlanSpec,
    backends: Arc<Backends>,
    take_over: bool,
}

impl Rollout {
    /// Begins to describe a rollout to `target`.
    pub fn builder(target: &Target) -> RolloutBuilder {
        RolloutBuilder::new(target.clone())
    }

    /// The plan, as data.
    #[must_use]
    pub const fn spec(&self) -> &PlanSpec {
        &self.spec
    }

    /// Brings `release` to users, and returns how that ended.
    ///
    /// Dropping the future stops at once, wherever it is, and leaves a serving system that [`recover`](Self::recover) goes
    /// on with.
    pub async fn run(&self, release: Release) -> Result<Outcome, RunError> {
        self.start(release).await?.wait().await
    }

    /// Begins to bring `release` to users in a task of its own, and returns the handle that owns it.
    ///
    /// Before anything is written, the world is looked at: what is wrong is an error, with everything at once.
    pub async fn start(&self, release: Release) -> Result<Handle, RunError> {
        let looked = self.survey().await.and_then(|survey| Ok((survey.active()?, survey)));
        let (active, survey) = match looked {
            Ok(looked) => looked,
            Err(error) => return Err(self.with_all_problems(release, error).await),
        };
        let latest = self.latest().await?;
        if let Some(latest) = latest.as_ref().filter(|latest| latest.end.is_none() && !self.take_over) {
            let target = self.spec.target.to_string();
            return Err(RunError::Open { target, rollout: latest.rollout.clone() });
        }
        let holder = holding(&survey, latest.as_ref());
        if holder.is_none() && survey.colors.get(active).release.as_ref() == Some(&release) {
            return Ok(self.already_active(&survey, release, active));
        }
        if let Some(mark) = holder.as_ref().filter(|_| !self.take_over) {
            return Err(RunError::Held { by: mark.rollout.clone(), since: mark.rollout.started_at() });
        }
        let started = self.started(&survey, Kind::Deploy, release, active, holder.map(|mark| mark.rollout));
        self.begin(started, &survey)
    }

    /// Goes on with the rollout of this target that a program left open: looks at the world first, then decides.
    ///
    /// Deadlines are those of the original. A rollout that another holder has taken over ends as superseded. Refused if
    /// the plan differs from the one that the rollout was begun with.
    pub async fn recover(&self) -> Result<Handle, RunError> {
        let nothing = || RunError::NothingOpen { target: self.spec.target.to_string() };
        let (records, state) = self.last_rollout().await?.ok_or_else(nothing)?;
        if state.end.is_some() {
            return Err(nothing());
        }
        let differences = self.spec.differences(state.plan());
        if !differences.is_empty() {
            return Err(RunError::PlanDiffers { rollout: state.rollout, differences });
        }
        let survey = self.survey().await?;
        let holder = Holder::new(self.backends.entropy.next());
        let ledger = self.ledger(&state.rollout, records.len() as u64);
        let recovered = Event::Recovered { found: survey.route.objects.clone() };
        let record = ledger.record(self.backends.clock.now(), &holder, Stage::Raise, recovered);
        self.drive(Some(state), record, ledger, &survey)
    }

    /// Returns traffic to the color that doesn't serve, as a rollout of its own, taking over whatever holds the route.
    ///
    /// The other color is scaled up if it was retired, has to become ready, gets the traffic, and only then is the color
    /// that served scaled down. Refused while traffic hasn't left the color it was on before ([`RunError::NothingToRollBackTo`]):
    /// a rollout that hasn't switched yet is to be aborted.
    pub async fn roll_back(&self, reason: impl Into<String> + Send) -> Result<Handle, RunError> {
        let reason = reason.into();
        let survey = self.survey().await?;
        let latest = self.latest().await?;
        let new = survey.active()?;
        let holder = holding(&survey, latest.as_ref());
        refuse_roll_back(&survey, latest.as_ref(), holder.as_ref(), new)?;
        // What the report is about: the release that is left behind.
        let release = survey.colors.get(new).release.clone().unwrap_or_else(|| Release::version("unknown"));
        let holder = holder.map(|mark| mark.rollout);
        let started = self.started(&survey, Kind::RollBack(reason), release, new.other(), holder);
        self.begin(started, &survey)
    }

    /// What would be done for `release`, stage by stage, and what each stage needs. Touches nothing.
    pub async fn plan(&self, release: &Release) -> Result<Planned, RunError> {
        let survey = self.survey().await?;
        let latest = self.latest().await?;
        let holder = holding(&survey, latest.as_ref());
        Ok(Planned::new(&self.spec, &survey, release, survey.active()?, holder.as_ref()))
    }

    /// Runs every preflight for `release`, and returns what each found. Touches nothing.
    pub async fn check(&self, release: &Release) -> Result<Vec<(String, Finding)>, RunError> {
        let survey = self.survey().await?;
        Ok(self.findings(release, survey.active()?).await)
    }

    /// What is there now: the route, both colors, who holds the route, and the last rollout in the journal. Reads only.
    pub async fn status(&self) -> Result<TargetStatus, RunError> {
        let survey = self.survey().await?;
        let last = self.last_rollout().await?;
        let holder = holding(&survey, last.as_ref().map(|(_, state)| state));
        let report = last.map(|(records, _)| Report::from_records(&records));
        Ok(survey.into_status(self.spec.target.clone(), holder, report))
    }

    // ---- before a rollout begins ----------------------------------------------------------------------------------

    async fn survey(&self) -> Result<Survey, RunError> {
        Survey::take(&self.backends, self.spec.call_deadline).await.map_err(RunError::Backend)
    }

    /// The last rollout in the journal, with its records.
    async fn last_rollout(&self) -> Result<Option<(Vec<Record>, State)>, RunError> {
        let journal = &self.backends.journal;
        let Some(rollout) = journal.rollouts(&self.spec.target).await?.pop() else {
            return Ok(None);
        };
        let log = journal.load(&self.spec.target, &rollout).await?;
        for note in &log.notes {
            tracing::warn!(%rollout, note, "the journal was not ended properly");
        }
        let illegal = |source| RunError::Illegal { rollout: rollout.clone(), source };
        let state = State::replay(&log.records).map_err(illegal)?;
        Ok(state.map(|state| (log.records, state)))
    }

    async fn latest(&self) -> Result<Option<State>, RunError> {
        Ok(self.last_rollout().await?.map(|(_, state)| state))
    }

    /// Everything that is wrong, when looking at the world failed already.
    async fn with_all_problems(&self, release: Release, error: RunError) -> RunError {
        let message = match &error {
            RunError::Backend(cause) if !cause.is_retryable() => chain(cause),
            RunError::Ambiguous { .. } => error.to_string(),
            _ => return error,
        };
        let first = Problem { field: self.spec.router.kind.clone(), message };
        let mut problems: Vec<_> = self
            .findings(&release, Color::Blue)
            .await
            .into_iter()
            .filter_map(|(field, finding)| match finding {
                Finding::Failed { message } => Some(Problem { field, message }),
                _ => None,
            })
            .collect();
        // A preflight that looked at the same object has said the same.
        let told = problems.iter().any(|problem| problem.message.contains(&first.message));
        if !told {
            problems.insert(0, first);
        }
        RunError::Plan(PlanError { problems })
    }

    async fn findings(&self, release: &Release, active: Color) -> Vec<(String, Finding)> {
        let (target, release, standby) = (self.spec.target.clone(), release.clone(), active.other());
        let context = PreflightContext { target, release, active, standby };
        let mut findings = Vec::new();
        for preflight in &self.backends.preflights {
            let kind = preflight.describe().kind;
            let finding = call(self.spec.call_deadline, "check", &kind, preflight.check(&context)).await;
            let finding = finding.unwrap_or_else(|error| Finding::Failed { message: chain(&error) });
            findings.push((kind, finding));
        }
        findings
    }

    // ---- beginning ------------------------------------------------------------------------------------------------

    /// `old` is the color to go back to.
    fn started(
        &self,
        survey: &Survey,
        kind: Kind,
        release: Release,
        old: Color,
        takes_over: Option<RolloutId>,
    ) -> Started {
        Started {
            kind,
            plan: self.spec.clone(),
            release,
            old,
            new: old.other(),
            old_release: survey.colors.get(old).release.clone(),
            found: survey.route.objects.clone(),
            takes_over,
        }
    }

    fn begin(&self, started: Started, survey: &Survey) -> Result<Handle, RunError> {
        let now = self.backends.clock.now();
        let rollout = RolloutId::new(now, self.backends.entropy.next());
        let holder = Holder::new(self.backends.entropy.next());
        let ledger = self.ledger(&rollout, 0);
        let record = ledger.record(now, &holder, Stage::Preflight, Event::Started(Box::new(started)));
        self.drive(None, record, ledger, survey)
    }

    fn ledger(&self, rollout: &RolloutId, position: u64) -> Ledger {
        Ledger::new(Arc::clone(&self.backends.journal), self.spec.target.clone(), rollout.clone(), position)
    }

    fn drive(
        &self,
        state: Option<State>,
        first: Record,
        mut ledger: Ledger,
        survey: &Survey,
    ) -> Result<Handle, RunError> {
        let illegal = |source| RunError::Illegal { rollout: first.rollout.clone(), source };
        let state = State::after(state, &first).map_err(illegal)?;
        let rollout = state.rollout.clone();
        ledger.push(first);
        let (requests, asked) = mpsc::channel(REQUESTS);
        let (status, seen) = watch::channel(Status::new(&state, Stage::Preflight, None));
        let (updates, told) = broadcast::channel(UPDATES);
        let backends = Arc::new(self.backends.with_observer(Arc::new(Told(updates.clone()))));
        let driver = Driver::new(backends, ledger, state, survey.view(), asked, status);
        let journal = Arc::clone(&self.backends.journal);
        Ok(Handle::running(
            rollout,
            self.spec.target.clone(),
            journal,
            requests,
            seen,
            (updates.downgrade(), told),
            driver.run(),
        ))
    }

    /// The release serves already: nothing is written, not even a journal.
    fn already_active(&self, survey: &Survey, release: Release, active: Color) -> Handle {
        let now = self.backends.clock.now();
        let rollout = RolloutId::new(now, self.backends.entropy.next());
        let ledger = self.ledger(&rollout, 0);
        let holder = Holder::new(self.backends.entropy.next());
        let started = self.started(survey, Kind::Deploy, release, active, None);
        let records = [
            ledger.record(now, &holder, Stage::Preflight, Event::Started(Box::new(started))),
            ledger.record(now, &holder, Stage::End, Event::Ended(End::AlreadyActive)),
        ];
        let report = Report {
            old: None,
            old_release: None,
            timeline: Vec::new(),
            new: Some(active),
            ..Report::from_records(&records)
        };
        Handle::finished(rollout, Outcome::new(&End::AlreadyActive, report))
    }
}

/// The mark of a rollout that hasn't ended, as far as objects and journal tell.
fn holding(survey: &Survey, latest: Option<&State>) -> Option<RouteMark> {
    let ended = latest.filter(|latest| latest.end.is_some()).map(|latest| &latest.rollout);
    let open = open_rollout(&survey.route, &survey.colors)?;
    (ended != Some(&open.rollout)).then(|| open.clone())
}

fn refuse_roll_back(
    survey: &Survey,
    latest: Option<&State>,
    holder: Option<&RouteMark>,
    active: Color,
) -> Result<(), RunError> {
    let refuse = |found: String| Err(RunError::NothingToRollBackTo { found });
    let other = survey.colors.get(active.other());
    if !other.exists {
        return refuse(format!("{} doesn't exist", other.object));
    }
    if let Some(mark) = holder.filter(|mark| mark.origin == active) {
        let rollout = &mark.rollout;
        return refuse(format!(
            "rollout {rollout} hasn't moved traffic off {active} yet; abort it, or recover it, instead"
        ));
    }
    match latest.and_then(|latest| latest.end.as_ref()) {
        Some(end @ (End::Aborted { .. } | End::RolledBack { .. })) => {
            refuse(format!("the last rollout was {end}; {} holds the release that failed", active.other()))
        }
        _ => Ok(()),
    }
}
