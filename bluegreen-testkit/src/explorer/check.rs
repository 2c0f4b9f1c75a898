//! What has to hold after a run, whatever went wrong in it.

use std::time::Duration;

use bluegreen_core::{Check, Color, End, Event, Record, Verdict};
use jiff::{SignedDuration, Timestamp};

use super::run::Ending;
use super::script::{Ask, Mishap, Revival, Script};
use crate::world::World;

/// What deadlines of calls, back-offs and hanging appends may add to the watch.
const SLACK: SignedDuration = SignedDuration::from_secs(180);

/// What a run came to, with all that is needed to judge it.
pub(super) struct Seen<'a> {
    pub(super) world: &'a World,
    pub(super) script: &'a Script,
    pub(super) ending: &'a Ending,
    pub(super) records: &'a [Record],
    /// The color that served at first.
    pub(super) old: Color,
    /// What a run without any mishap is like.
    pub(super) usual: Option<&'a Usual>,
}

/// What a run without any mishap is like.
pub(super) struct Usual {
    pub(super) end: End,
    /// Whether users lose requests even so, as the release is bad.
    pub(super) lost: bool,
}

impl Seen<'_> {
    /// Everything that is wrong.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.world.violations();
        let more = [
            self.has_one_end(),
            self.end_is_due(),
            self.traffic_is_where_it_says(),
            self.nothing_was_lost(),
            self.watch_kept_its_deadline(),
        ];
        problems.extend(more.into_iter().flatten());
        problems
    }

    fn is_usually_promoted(&self) -> bool {
        self.usual.is_none_or(|usual| matches!(usual.end, End::Promoted { .. }))
    }

    /// Whether somebody else did something to the world.
    fn is_disturbed(&self) -> bool {
        self.script.has(|mishap| mishap.incident().is_some())
    }

    fn has_one_end(&self) -> Option<String> {
        if let Ending::Broken(why) = self.ending {
            return Some(format!("the rollout has no end: {why}"));
        }
        let ends = self.records.iter().filter(|record| matches!(record.event, Event::Ended(_))).count();
        let last = self.records.last().is_none_or(|record| matches!(record.event, Event::Ended(_)));
        (ends > 1 || !last).then(|| format!("the journal has {ends} ends, and ends with one: {last}"))
    }

    /// Nobody is called for what can be done without; and a rollout only goes back for a reason.
    fn end_is_due(&self) -> Option<String> {
        let end = match self.ending {
            Ending::Ended(end) => end,
            Ending::Refused(why) if !self.is_disturbed() => return Some(format!("it was refused: {why}")),
            Ending::Refused(_) | Ending::Broken(_) => return None,
        };
        let twice = self.script.has(|mishap| matches!(mishap, Mishap::Death(_, Revival::Twice)));
        let due = match end {
            End::Halted { reason, .. } => {
                self.is_disturbed() || self.lost_a_migration() || self.deaths() > 1 || self.spent_its_tries(reason)
            }
            End::Superseded { .. } => twice,
            End::Promoted { .. } => self.is_usually_promoted(),
            End::AlreadyActive => false,
            End::Aborted { .. } | End::RolledBack { .. } => {
                !self.script.steps.is_empty() || self.usual.is_none_or(|usual| usual.end == *end)
            }
        };
        (!due).then(|| format!("it is {end}, which nothing here is a reason for"))
    }

    /// Two writes that go wrong leave too few tries for one that has to be read back.
    fn spent_its_tries(&self, reason: &str) -> bool {
        let faults = self.script.steps.iter().filter(|(_, mishap)| matches!(mishap, Mishap::Fault(_))).count();
        faults > 1 && reason.starts_with("could not ")
    }

    /// After the second death there is no second window in which the watch could be confirmed.
    fn deaths(&self) -> usize {
        self.script.steps.iter().filter(|(_, mishap)| matches!(mishap, Mishap::Death(..))).count()
    }

    /// A program died while it began a migration that left no trace: only a person can tell whether it runs.
    fn lost_a_migration(&self) -> bool {
        self.script.has(|mishap| matches!(mishap, Mishap::Death(..)))
            && self.records.iter().any(|record| matches!(&record.event, Event::Begun { check: Check::Migration }))
    }

    fn traffic_is_where_it_says(&self) -> Option<String> {
        let route = self.world.route();
        let idle = route.active().filter(|color| self.world.color(*color).ready == 0);
        if self.is_disturbed() {
            // Who died can't make up for what somebody did meanwhile, nor for a release that is bad.
            let helpless = self.deaths() > 0 || self.world.was_misrouted() || !self.is_usually_promoted();
            return idle.filter(|_| !helpless).map(|color| format!("{color} serves, and has nothing ready"));
        }
        if let Some(color) = idle {
            return Some(format!("{color} serves, and has nothing ready"));
        }
        let Some(active) = route.active() else {
            return Some(format!("no single color gets all traffic: {:?}", route.split));
        };
        let expected = match self.ending {
            Ending::Ended(End::Promoted { .. }) => self.old.other(),
            Ending::Ended(End::Aborted { .. } | End::RolledBack { .. }) | Ending::Refused(_) => self.old,
            _ => return None,
        };
        (active != expected).then(|| format!("{active} serves, where the end says {expected}"))
    }

    fn nothing_was_lost(&self) -> Option<String> {
        let bad =
            self.usual.map_or_else(|| matches!(self.ending, Ending::Ended(End::RolledBack { .. })), |usual| usual.lost);
        let ledger = self.world.requests();
        let lost = ledger.lost > 0 || !ledger.outage.is_zero();
        let message = || format!("{} requests were lost in {:?}, which no mishap explains", ledger.lost, ledger.outage);
        (lost && !bad && !self.is_disturbed()).then(message)
    }

    /// Law 8: a crash, a fault or a recovery doesn't move the end of the watch.
    fn watch_kept_its_deadline(&self) -> Option<String> {
        let duration = self.records.iter().find_map(|record| match &record.event {
            Event::Started(started) => started.plan.watch.as_ref().map(|watch| watch.duration),
            _ => None,
        })?;
        let at = |found: &dyn Fn(&Event) -> bool| -> Option<Timestamp> {
            self.records.iter().filter(|record| found(&record.event)).map(|record| record.at).next_back()
        };
        let settled = at(&|event| matches!(event, Event::Passed { check: Check::Settled, .. }))?;
        let judged = at(&|event| matches!(event, Event::Judged { verdict: Verdict::Pass, .. }))?;
        let deadline = settled + SignedDuration::try_from(duration).ok()?;
        if judged < deadline {
            return Some(format!("the watch was passed at {judged}, before its deadline {deadline}"));
        }
        let confirmed = self.records.iter().filter_map(|record| match &record.event {
            Event::Confirming { until, .. } => Some(*until),
            _ => None,
        });
        let recovered = at(&|event| matches!(event, Event::Recovered { .. }));
        let latest = confirmed.chain(recovered).chain([deadline]).max()? + SLACK + self.paused();
        (judged > latest).then(|| format!("the watch was passed at {judged}, long after its deadline {deadline}"))
    }

    fn paused(&self) -> SignedDuration {
        let pauses = self.script.steps.iter().filter(|(_, mishap)| *mishap == Mishap::Ask(Ask::Pause)).count();
        SignedDuration::try_from(Duration::from_secs(300 * pauses as u64)).unwrap_or(SignedDuration::MAX)
    }
}
