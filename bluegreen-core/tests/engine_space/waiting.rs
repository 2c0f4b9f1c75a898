//! Waiting: watches tell, sources measure, activities end, or time passes.

use bluegreen_core::engine::{Activity, Then};
use bluegreen_core::{Color, Diagnosis, Event, Measure, Request, Sample, Verdict};
use jiff::Timestamp;

use crate::moves::{CheckFault, Lasting, Source};
use crate::node::{Broken, Node};
use crate::time::{TICK, round_up};
use crate::world::{Measured, Migration};

impl Node {
    /// Pods come up, and watches tell of it: one thing at a time, as the driver takes it in.
    pub(crate) fn hear(&mut self) -> bool {
        for color in [Color::Green, Color::Blue] {
            if self.world.is_coming_up(color) {
                self.world.change_color(color, |slot| slot.seen.ready = slot.seen.desired);
            }
            if self.process.is_stale(&self.world, color) {
                self.process.hear_color(&self.world, color, self.now);
                return true;
            }
        }
        let route = self.process.is_route_stale(&self.world);
        self.process.view.route_stirred |= route;
        route
    }

    /// Nothing is told: the activity ends, or time passes, at most until `latest`.
    pub(crate) fn pass_time(&mut self, latest: Option<Timestamp>) -> Result<(), Broken> {
        let (activity, until) = match self.then.clone() {
            Then::Run { activity, until } => (Some(activity), until),
            Then::Wait { until, .. } => (None, until),
            _ => return Ok(()),
        };
        if let Some(activity) = activity.filter(|activity| !self.world.endless.contains(&activity.check())) {
            return self.finish(&activity);
        }
        if self.process.state().paused && until.is_none() {
            return self.ask(Request::Resume);
        }
        if self.is_measured() {
            return self.tick();
        }
        let until = until.ok_or_else(|| Broken(format!("it waits for ever, in {}", self.stage)))?;
        self.now = round_up(latest.map_or(until, |latest| latest.min(until)));
        self.process.waits();
        Ok(())
    }

    pub(crate) fn is_measured(&self) -> bool {
        let state = self.process.state();
        state.plan().watch.is_some() && state.is_sampling()
    }

    /// A tick passes. While everything is sampled, every source measures.
    pub(crate) fn tick(&mut self) -> Result<(), Broken> {
        self.now += TICK;
        self.process.waits();
        let Some(watch) = self.process.state().plan().watch.clone() else {
            return Ok(());
        };
        let new = self.process.state().started.new;
        let ready =
            |color| Measure::Gauge { value: f64::from(self.process.view.heard(color).map_or(0, |seen| seen.ready)) };
        let mut measures = vec![
            ("pods", new, self.world.pods, ready(new), Measure::Gauge { value: 0.0 }),
            ("guard", new.other(), Measured::Good, ready(new.other()), Measure::Gauge { value: 0.0 }),
        ];
        let counts = |bad| Measure::Counts { bad, total: 100 };
        if !watch.probes.is_empty() {
            measures.push(("probe 1", new, self.world.probe, Measure::Counts { bad: 0, total: 1 }, counts(1)));
        }
        if !watch.signals.is_empty() {
            measures.push(("signal 1", new, self.world.signal, counts(0), counts(50)));
        }
        for (source, color, measured, good, bad) in measures {
            let measure = match measured {
                Measured::Good => good,
                Measured::Bad => bad,
                Measured::Silent => Measure::NoData { why: String::new() },
            };
            if self.process.state().is_sampling() {
                let (source, seconds) = (source.to_owned(), TICK.as_secs_f64());
                self.fold(&Event::Sampled(Sample { source, color, seconds, measure, summary: String::new() }))?;
            }
        }
        Ok(())
    }

    pub(crate) fn measures(&mut self, source: Source, measured: Measured, lasting: Lasting) -> Result<(), Broken> {
        self.flush_if_due();
        let mode = match source {
            Source::Pods => &mut self.world.pods,
            Source::Probe => &mut self.world.probe,
            Source::Signal => &mut self.world.signal,
        };
        let before = std::mem::replace(mode, measured);
        self.tick()?;
        if lasting == Lasting::Once {
            match source {
                Source::Pods => self.world.pods = before,
                Source::Probe => self.world.probe = before,
                Source::Signal => self.world.signal = before,
            }
        }
        Ok(())
    }

    /// An activity comes to its end.
    pub(crate) fn finish(&mut self, activity: &Activity) -> Result<(), Broken> {
        let check = activity.check();
        if let Activity::Migrate { resumed } = activity {
            self.send_migration(*resumed)?;
            if *resumed && self.world.migration == Migration::NotStarted {
                let summary = "no trace of it".to_owned();
                return self.fold(&Event::Failed { check, verdict: Verdict::Inconclusive, summary });
            }
        }
        if self.world.failing.contains(&check) {
            if matches!(activity, Activity::Migrate { .. }) {
                self.world.migration = Migration::Failed;
            }
            return self.fold(&Event::Failed { check, verdict: Verdict::Fail, summary: "it failed".to_owned() });
        }
        self.take_effect(activity);
        self.fold(&match activity {
            Activity::Diagnose(color) => Event::Evidence { color: *color, diagnosis: Diagnosis::default() },
            _ => Event::Passed { check, summary: String::new() },
        })
    }

    /// What an activity changes outside.
    pub(crate) fn take_effect(&mut self, activity: &Activity) {
        match activity {
            Activity::Migrate { .. } => self.world.migration = Migration::Succeeded,
            Activity::Pin { color, minimum } => self.world.change_color(*color, |slot| {
                let restored = minimum.or(slot.minimum);
                if let (Some(autoscaler), Some(minimum)) = (&mut slot.seen.autoscaler, restored) {
                    autoscaler.min = minimum;
                }
            }),
            _ => {}
        }
    }

    /// The migration is sent, unless this would be a second time without asking for the first.
    pub(crate) fn send_migration(&mut self, resumed: bool) -> Result<(), Broken> {
        let process = self.history.processes;
        if !resumed && self.history.migration_sent_by.is_some_and(|by| by != process) {
            return Err(Broken("the migration is begun again as if for the first time".to_owned()));
        }
        self.history.migration_sent_by = Some(process);
        Ok(())
    }

    pub(crate) fn check_goes_wrong(&mut self, fault: CheckFault) -> Result<(), Broken> {
        let Then::Run { activity, until } = self.then.clone() else {
            return Ok(());
        };
        self.flush_if_due();
        match fault {
            CheckFault::Fails => {
                self.world.failing.push(activity.check());
                self.finish(&activity)
            }
            CheckFault::NeverEnds => {
                self.world.endless.push(activity.check());
                self.pass_time(None)
            }
            CheckFault::EndsLate => {
                if let Activity::Migrate { resumed: false } = activity {
                    self.send_migration(false)?;
                    self.world.migration = Migration::Running;
                }
                if self.is_measured() {
                    return self.tick();
                }
                // A person takes long, but not all the time there is.
                let late = if activity == Activity::Approve { until.map(|until| until - TICK * 3) } else { None };
                self.now = late.unwrap_or(self.now + TICK);
                self.process.waits();
                Ok(())
            }
        }
    }
}
