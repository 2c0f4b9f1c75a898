//! Measuring during a watch: one task for each source, so that a slow one delays nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::activity::run_probe;
use super::{Backends, call};
use crate::backend::{ColorObservation, Measure, ProbeTarget, Verdict, Via, Window, chain};
use crate::color::{Color, PerColor};
use crate::engine::State;
use crate::plan::SourceName;
use crate::record::Sample;

/// Pods are watched; so often they are read as well, to be sure that the watch tells the truth.
const READ_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// So many measurements may wait to be taken in; then their tasks wait.
const BACKLOG: usize = 64;

/// Which colors were last heard of by their watch breaking: until something is heard of them again, they are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Deaf(Arc<PerColor<AtomicBool>>);

impl Deaf {
    pub(super) fn set(&self, color: Color, deaf: bool) {
        self.0.get(color).store(deaf, Ordering::Relaxed);
    }

    pub(super) fn is(&self, color: Color) -> bool {
        self.0.get(color).load(Ordering::Relaxed)
    }
}

/// The tasks that measure, while there is something to measure. Dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    tasks: JoinSet<()>,
    samples: Option<mpsc::Receiver<Sampled>>,
}

/// A measurement, and what was looked at.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) sample: Sample,
    pub(super) look: Look,
}

/// What was looked at for a sample.
#[derive(Debug)]
pub(super) enum Look {
    /// Not the pods.
    Elsewhere,
    /// The pods were read.
    Read(Box<ColorObservation>),
    /// The pods are as the watch of them told last.
    Watch,
}

impl Sampler {
    /// Starts measuring, or stops, as the state of the rollout wants it.
    pub(super) fn keep(&mut self, state: &State, backends: &Arc<Backends>, deaf: &Deaf) {
        let Some(watch) = state.plan().watch.as_ref().filter(|_| state.is_sampling()) else {
            self.tasks.abort_all();
            self.samples = None;
            return;
        };
        if self.samples.is_some() {
            return;
        }
        let (sender, samples) = mpsc::channel(BACKLOG);
        self.samples = Some(samples);
        for what in watch.sources() {
            let source = Source {
                what,
                color: if what == SourceName::Guard { state.started.old } else { state.started.new },
                interval: watch.interval,
                deadline: state.plan().call_deadline,
                backends: Arc::clone(backends),
                deaf: deaf.clone(),
                sender: sender.clone(),
            };
            self.tasks.spawn(source.measure());
        }
    }

    /// The next measurement; never while nothing is measured.
    pub(super) async fn next(&mut self) -> Sampled {
        if let Some(samples) = &mut self.samples
            && let Some(sampled) = samples.recv().await
        {
            return sampled;
        }
        std::future::pending().await
    }
}

#[derive(Debug)]
struct Source {
    what: SourceName,
    color: Color,
    interval: Duration,
    deadline: Duration,
    backends: Arc<Backends>,
    deaf: Deaf,
    sender: mpsc::Sender<Sampled>,
}

impl Source {
    /// Measures every interval until nobody listens any more.
    async fn measure(self) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let longest = SignedDuration::try_from(self.interval * 2).unwrap_or(SignedDuration::MAX);
        let mut last = self.backends.clock.now();
        let mut read = None;
        loop {
            ticks.tick().await;
            let now = self.backends.clock.now();
            let speaks_for = now.duration_since(last).clamp(SignedDuration::ZERO, longest);
            let due = self.deaf.is(self.color) || read.is_none_or(|read| now.duration_since(read) >= READ_EVERY);
            read = if due { Some(now) } else { read };
            let (measure, summary, look) = self.look(Window { from: last, to: now }, due).await;
            last = now;
            let (source, color, seconds) = (self.what.to_string(), self.color, speaks_for.as_secs_f64());
            let sample = Sample { source, color, seconds, measure, summary };
            if self.sender.send(Sampled { sample, look }).await.is_err() {
                return;
            }
        }
    }

    async fn look(&self, window: Window, read: bool) -> (Measure, String, Look) {
        match self.what {
            SourceName::Pods | SourceName::Guard if !read => {
                (Measure::NoData { why: String::new() }, String::new(), Look::Watch)
            }
            SourceName::Pods | SourceName::Guard => {
                let observe = self.backends.environment.observe(self.color);
                match call(self.deadline, "look at", self.color.as_str(), observe).await {
                    Ok(seen) => {
                        (Measure::Gauge { value: f64::from(seen.ready) }, String::new(), Look::Read(Box::new(seen)))
                    }
                    Err(error) => (Measure::NoData { why: chain(&error) }, String::new(), Look::Elsewhere),
                }
            }
            SourceName::Probe(index) => {
                let Some(probe) = self.backends.probes.get(index) else {
                    return no_data("no such probe");
                };
                let (color, via) = (self.color, Via::Production);
                let target = ProbeTarget { color, via, address: None, endpoints: Vec::new(), once: true };
                let probed = tokio::time::timeout(self.deadline, run_probe(&self.backends, &**probe, target));
                let late = Err((Verdict::Fail, format!("no verdict within {:?}", self.deadline)));
                match probed.await.unwrap_or(late) {
                    Ok(_) => (Measure::Counts { bad: 0, total: 1 }, String::new(), Look::Elsewhere),
                    Err((Verdict::Fail, summary)) => (Measure::Counts { bad: 1, total: 1 }, summary, Look::Elsewhere),
                    Err((_, why)) => (Measure::NoData { why }, String::new(), Look::Elsewhere),
                }
            }
            SourceName::Signal(index) => {
                let Some(signal) = self.backends.signals.get(index) else {
                    return no_data("no such signal");
                };
                let sample = signal.sample(self.color, window);
                match call(self.deadline, "sample", &self.what.to_string(), sample).await {
                    Ok(Measure::Gauge { value }) if !value.is_finite() => no_data(&format!("the level is {value}")),
                    Ok(measure) => (measure, String::new(), Look::Elsewhere),
                    Err(error) => (Measure::NoData { why: chain(&error) }, String::new(), Look::Elsewhere),
                }
            }
        }
    }
}

fn no_data(why: &str) -> (Measure, String, Look) {
    (Measure::NoData { why: why.to_owned() }, String::new(), Look::Elsewhere)
}
