//! Showing a rollout while it runs, and what all of it came to.

use std::fmt::Display;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock as _, Color, Handle, Outcome, PerColor, System, Update, Waiting};
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::deployment::Deployment;
use crate::object::Object;
use crate::router::Route;
use crate::screen::{Screen, Style};
use crate::tally::{Counts, Tally};
use crate::{Failure, words};

/// How often the panel is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// What can be seen of the shop from outside.
#[derive(Debug)]
pub(crate) struct Show {
    pub(crate) screen: Screen,
    pub(crate) colors: PerColor<Object<Deployment>>,
    pub(crate) route: Object<Route>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) waiting: Option<Waiting>,
}

impl Show {
    pub(crate) fn title(&mut self, text: &str) -> io::Result<()> {
        let text = self.screen.paint(Style::Bold, text);
        self.screen.say(format_args!("\n{text}"))
    }

    /// Shows a rollout to its end.
    pub(crate) async fn rollout(&mut self, mut handle: Handle) -> Result<Outcome, Failure> {
        let began = System.now();
        self.waiting = None;
        let mut updates = handle.events();
        let mut end = pin!(handle.wait());
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                Some(update) = updates.next() => self.update(&update, began)?,
                outcome = &mut end => return Ok(outcome?),
                _ = frames.tick() => {
                    let panel = self.panel();
                    self.screen.draw(&panel)?;
                }
            }
        }
    }

    fn update(&mut self, update: &Update, began: Timestamp) -> io::Result<()> {
        self.screen.json(update)?;
        let at = match update {
            Update::Waiting(waiting) => return self.wait(waiting, began),
            // Records are told when they are durable, which for samples may be a little later than they were made.
            Update::Recorded(record) => record.at,
            _ => System.now(),
        };
        let after = at.duration_since(began);
        let Some(line) = words::line(update) else { return Ok(()) };
        match (words::is_milestone(update), self.screen.is_live()) {
            (false, _) => self.say(after, line),
            (true, true) => {
                let line = self.screen.paint(Style::Bold, line);
                self.say(after, line)
            }
            // The panel of a terminal has the counts all the time.
            (true, false) => {
                let counts = brief(&self.tally.counts());
                self.say(after, format_args!("{line} — {counts}"))
            }
        }
    }

    /// On a terminal the panel says what is awaited. Elsewhere only what has a deadline is said, once for each stage: the
    /// rest is over in no time.
    fn wait(&mut self, waiting: &Waiting, began: Timestamp) -> io::Result<()> {
        let last = self.waiting.replace(waiting.clone());
        let same = last.is_some_and(|last| last.stage == waiting.stage);
        if self.screen.is_live() || same || waiting.until.is_none() {
            return Ok(());
        }
        let now = System.now();
        self.say(now.duration_since(began), words::waiting(waiting, now))
    }

    fn say(&mut self, after: SignedDuration, line: impl Display) -> io::Result<()> {
        let time = format!("{:6.1}s", after.as_secs_f64().max(0.0));
        let time = self.screen.paint(Style::Dim, time);
        self.screen.say(format_args!("{time}  {line}"))
    }

    fn panel(&self) -> Vec<String> {
        let counts = self.tally.counts();
        let active = self.route.read(|route| route.split.sole());
        let waiting = self.waiting.as_ref();
        let waiting = waiting.map(|waiting| words::waiting(waiting, System.now())).unwrap_or_default();
        let mut panel = vec![String::new(), format!("  {:<9} {waiting}", "now")];
        panel.extend(Color::ALL.map(|color| self.row(color, active == Some(color), &counts)));
        let (lost, badly) = (counts.lost, counts.badly());
        let bad =
            |count: u64, text: String| self.screen.paint(if count == 0 { Style::Green } else { Style::Red }, text);
        panel.push(format!(
            "  {:<9} {} sent, {}, {}",
            "requests",
            counts.sent,
            bad(badly, format!("{badly} answered with an error")),
            bad(lost, format!("{lost} lost")),
        ));
        panel
    }

    /// One color: `▶ blue   v1   3 of 3 ready   412 answered   4 connections`.
    fn row(&self, color: Color, active: bool, counts: &Counts) -> String {
        let (seen, keep_until, connections) = self.colors.get(color).read(|deployment| {
            let connections = deployment.pods.iter().map(|pod| pod.app.connections());
            (deployment.observe(), deployment.keep_until, connections.sum::<u64>())
        });
        let mark = if active { "▶" } else { " " };
        let Some(release) = seen.release else {
            return format!("{mark} {color:<9} nothing deployed");
        };
        let kept = keep_until.map(|until| format!(", can be restored until {until:.0}"));
        let kept = kept.unwrap_or_default();
        let answers = counts.answered.get(&release.version).copied().unwrap_or_default();
        let row = format!(
            "{mark} {color:<9} {release}  {} of {} ready  {:>6} answered  {connections:>3} connections{kept}",
            seen.ready,
            seen.desired,
            answers.well + answers.badly,
        );
        self.screen.paint(if active { Style::Bold } else { Style::Dim }, row)
    }

    pub(crate) fn report(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.screen.json(&json!({ "report": outcome.report() }))?;
        let line = self.screen.paint(Style::Dim, "─".repeat(80));
        self.screen.say(format_args!("\n{line}\n{}", outcome.report().to_string().trim_end()))
    }

    /// What all of it came to, counted by the clients.
    pub(crate) fn sum_up(&mut self) -> io::Result<()> {
        let counts = self.tally.counts();
        let answered = counts.answered.iter();
        let answered: serde_json::Map<_, _> = answered
            .map(|(release, answers)| (release.clone(), json!({ "well": answers.well, "badly": answers.badly })))
            .collect();
        self.screen.json(&json!({ "requests": {
            "sent": counts.sent, "lost": counts.lost, "answered": answered, "reasons": counts.reasons,
        }}))?;

        self.title("What the clients counted")?;
        for (release, answers) in &counts.answered {
            let badly = if answers.badly == 0 {
                String::new()
            } else {
                format!(", and {} with an error of its own", answers.badly)
            };
            self.screen.say(format_args!("  {release} answered {} requests{badly}", answers.well))?;
        }
        for reason in &counts.reasons {
            self.screen.say(format_args!("  lost: {reason}"))?;
        }
        let lost = format!("{} of {} requests lost", counts.lost, counts.sent);
        let style = if counts.lost == 0 { Style::Green } else { Style::Red };
        let lost = self.screen.paint(style, lost);
        self.screen.say(format_args!("  {lost}"))
    }
}

fn brief(counts: &Counts) -> String {
    let answered = counts.answered.iter();
    let answered: Vec<_> =
        answered.map(|(release, answers)| format!("{release} {}", answers.well + answers.badly)).collect();
    format!("answered: {}; {} of them with an error; {} lost", answered.join(", "), counts.badly(), counts.lost)
}
