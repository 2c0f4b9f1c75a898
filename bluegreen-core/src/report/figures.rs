//! What was counted and measured in a rollout.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::backend::{Description, Measure, Verdict};
use crate::color::Color;
use crate::plan::{PlanSpec, SourceName};
use crate::record::{Check, Ending, Event, Kind, Record, Request, Sample, Started, Write};

/// What was counted and measured in a rollout. Durations are by the wall clock of who wrote the journal; what didn't
/// happen is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// From the first record to the last.
    #[serde(serialize_with = "seconds")]
    pub total: Option<Duration>,
    /// From the intent to deploy until the new color was ready.
    #[serde(serialize_with = "seconds")]
    pub ready: Option<Duration>,
    /// From the intent to switch until all of the route was known to be switched.
    #[serde(serialize_with = "seconds")]
    pub switch: Option<Duration>,
    /// From the switch to the proof that traffic had arrived.
    #[serde(serialize_with = "seconds")]
    pub converge: Option<Duration>,
    /// How long the new release was watched.
    #[serde(serialize_with = "seconds")]
    pub watch: Option<Duration>,
    /// From the verdict or request to return traffic until all of the route was known to be back.
    #[serde(serialize_with = "seconds")]
    pub roll_back: Option<Duration>,
    /// The confirmed writes, in the order in which the first of each kind was confirmed.
    pub writes: Vec<WriteCount>,
    /// What was sampled, in the order in which each source was first heard.
    pub sources: Vec<SourceFigures>,
}

/// How often one kind of write was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WriteCount {
    /// Which.
    pub write: Write,
    /// How often.
    pub count: u64,
}

/// What one source said during a watch or a canary step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceFigures {
    /// The name under which it was recorded: `pods`, `probe 1`.
    pub source: String,
    /// What it is, as in the plan; `None` for what isn't part of the plan.
    pub what: Option<Description>,
    /// The color it is about.
    pub color: Color,
    /// How many samples it gave.
    pub samples: u64,
    /// How many of them were bad.
    pub bad_samples: u64,
    /// How many of them had no data.
    pub silent_samples: u64,
    /// What was counted in all samples together, for a signal that counts.
    pub counts: Option<Counts>,
    /// The highest level seen, for a signal that has one.
    pub highest: Option<f64>,
}

/// How many of how many were bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The bad ones.
    pub bad: u64,
    /// All.
    pub total: u64,
}

impl Figures {
    /// The figures of a rollout with these records.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut figures = Self::default();
        let mut moments = Moments::default();
        for record in records {
            moments.note(record);
            match &record.event {
                Event::Wrote { write, .. } => figures.count(*write),
                Event::Sampled(sample) => figures.sample(started(records).map(|started| &started.plan), sample),
                _ => {}
            }
        }
        let last = records.last().map(|record| record.at);
        figures.total = between(records.first().map(|record| record.at), last);
        figures.ready = between(moments.deploy, moments.ready);
        figures.switch = between(moments.switch, moments.switched);
        figures.converge = between(moments.switched, moments.converged);
        figures.watch = between(moments.settled, moments.watched.or(moments.turned).or(last));
        figures.roll_back = between(moments.turned, moments.returned);
        figures
    }

    fn count(&mut self, write: Write) {
        match self.writes.iter_mut().find(|count| count.write == write) {
            Some(count) => count.count += 1,
            None => self.writes.push(WriteCount { write, count: 1 }),
        }
    }

    fn sample(&mut self, plan: Option<&PlanSpec>, sample: &Sample) {
        let known = self.sources.iter().position(|known| known.source == sample.source && known.color == sample.color);
        let index = known.unwrap_or_else(|| {
            self.sources.push(SourceFigures::new(plan, sample));
            self.sources.len() - 1
        });
        if let Some(source) = self.sources.get_mut(index) {
            source.add(judge(plan, sample), sample);
        }
    }
}

impl SourceFigures {
    fn new(plan: Option<&PlanSpec>, sample: &Sample) -> Self {
        Self {
            source: sample.source.clone(),
            what: describe(plan, &sample.source),
            color: sample.color,
            samples: 0,
            bad_samples: 0,
            silent_samples: 0,
            counts: None,
            highest: None,
        }
    }

    fn add(&mut self, verdict: Verdict, sample: &Sample) {
        self.samples += 1;
        self.bad_samples += u64::from(verdict == Verdict::Fail);
        match sample.measure {
            // Of pods and probes it says more how many samples were bad.
            Measure::Counts { bad, total } if is_signal(&sample.source) => {
                let counts = self.counts.get_or_insert(Counts { bad: 0, total: 0 });
                counts.bad = counts.bad.saturating_add(bad);
                counts.total = counts.total.saturating_add(total);
            }
            Measure::Gauge { value } => self.highest = Some(self.highest.map_or(value, |highest| highest.max(value))),
            Measure::NoData { .. } => self.silent_samples += 1,
            Measure::Counts { .. } | Measure::Latency { .. } => {}
        }
    }
}

/// When what happened first.
#[derive(Debug, Default)]
struct Moments {
    deploy: Option<Timestamp>,
    ready: Option<Timestamp>,
    switch: Option<Timestamp>,
    switched: Option<Timestamp>,
    converged: Option<Timestamp>,
    settled: Option<Timestamp>,
    watched: Option<Timestamp>,
    turned: Option<Timestamp>,
    returned: Option<Timestamp>,
}

impl Moments {
    fn note(&mut self, record: &Record) {
        if let Some(moment) = self.of(&record.event) {
            moment.get_or_insert(record.at);
        }
    }

    fn of(&mut self, event: &Event) -> Option<&mut Option<Timestamp>> {
        let moment = match event {
            Event::Intent { write, .. } => match write {
                Write::Deploy(_) => &mut self.deploy,
                Write::Switch => &mut self.switch,
                _ => return None,
            },
            Event::Wrote { write, complete: true, .. } | Event::Found { write } => match write {
                Write::Switch => &mut self.switched,
                Write::SwitchBack => &mut self.returned,
                _ => return None,
            },
            Event::Passed { check, .. } => match check {
                Check::Ready => &mut self.ready,
                Check::Converged => &mut self.converged,
                Check::Settled => &mut self.settled,
                _ => return None,
            },
            Event::Judged { verdict: Verdict::Pass, .. } => &mut self.watched,
            Event::Judged { verdict: Verdict::Fail, .. }
            | Event::Decided(Ending::RollBack { .. })
            | Event::Asked { request: Request::Abort { .. } | Request::RollBack { .. }, .. } => &mut self.turned,
            Event::Started(started) if matches!(started.kind, Kind::RollBack(_)) => &mut self.turned,
            _ => return None,
        };
        Some(moment)
    }
}

/// How the rollout began.
pub(super) fn started(records: &[Record]) -> Option<&Started> {
    records.iter().find_map(|record| match &record.event {
        Event::Started(started) => Some(&**started),
        _ => None,
    })
}

/// What a single sample counts as.
pub(super) fn judge(plan: Option<&PlanSpec>, sample: &Sample) -> Verdict {
    let watch = plan.and_then(|plan| plan.watch.as_ref());
    let source = sample.source.parse::<SourceName>().ok();
    watch.zip(source).map_or(Verdict::Inconclusive, |(watch, source)| watch.judge(source, &sample.measure))
}

fn describe(plan: Option<&PlanSpec>, source: &str) -> Option<Description> {
    let watch = plan?.watch.as_ref()?;
    match source.parse().ok()? {
        SourceName::Probe(index) => watch.probes.get(index).map(|probe| probe.probe.clone()),
        SourceName::Signal(index) => watch.signals.get(index).map(|signal| signal.signal.clone()),
        SourceName::Pods | SourceName::Guard => None,
    }
}

fn is_signal(source: &str) -> bool {
    matches!(source.parse(), Ok(SourceName::Signal(_)))
}

/// The time from one moment to another; a clock that was set back makes it zero.
pub(super) fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    Some(Duration::try_from(to?.duration_since(from?)).unwrap_or_default())
}

fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}
