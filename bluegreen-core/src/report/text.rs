//! A report as people read it in a terminal.

use std::fmt::{self, Write as _};

use super::figures::{Figures, SourceFigures, between};
use super::words::{count, offset, outcome};
use super::{Evidence, Report};
use crate::color::Color;
use crate::record::{End, Write};
use crate::release::Release;
use crate::span::span;

/// The widest name of a fact.
const FACT: usize = 10;
/// The widest name of a stage.
const STAGE: usize = 12;
/// How many of the last lines of a piece of evidence are shown. All of it is in the serialized report.
const EVIDENCE_LINES: usize = 12;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        self.facts(f)?;
        self.timeline(f)?;
        list(f, "notes", &self.notes)?;
        self.reasons(f)?;
        match &self.next {
            Some(next) => list(f, "what to do", std::slice::from_ref(next)),
            None => Ok(()),
        }
    }
}

impl Report {
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => write!(f, "{target}")?,
            None => f.write_str("a rollout whose beginning is not recorded")?,
        }
        if let Some(release) = &self.release {
            write!(f, " {release}")?;
        }
        writeln!(f, ": {}", self.end.as_ref().map_or("not ended", outcome))
    }

    fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        if let Some(rollout) = &self.rollout {
            fact(f, "rollout", rollout)?;
        }
        if let (Some(started), Some(total)) = (self.started, self.figures.total) {
            let (took, so_far) = if self.end.is_some() { ("took ", "") } else { ("", " so far") };
            fact(f, "started", format_args!("{started:.0}, {took}{}{so_far}", span(total)))?;
        }
        if let (Some(old), Some(new)) = (self.old, self.new) {
            let (old, new) = (named(old, self.old_release.as_ref()), named(new, self.release.as_ref()));
            fact(f, "colors", format_args!("{old} → {new}"))?;
        }
        self.figures.facts(f)
    }

    fn timeline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.timeline.is_empty() {
            return Ok(());
        }
        writeln!(f, "\ntimeline")?;
        let times: Vec<_> = self.timeline.iter().map(|entry| between(self.started, Some(entry.at))).collect();
        let times: Vec<_> = times.into_iter().map(|time| offset(time.unwrap_or_default())).collect();
        let width = times.iter().map(String::len).max().unwrap_or(0);
        for (entry, time) in self.timeline.iter().zip(times) {
            write!(f, "  {time:>width$}  {:STAGE$}  ", entry.stage)?;
            if let Some(member) = &entry.member {
                write!(f, "{}: ", clean(member))?;
            }
            paragraph(f, &entry.what, 2 + width + 2 + STAGE + 2)?;
        }
        Ok(())
    }

    fn reasons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match &self.end {
            Some(End::Aborted { reason } | End::RolledBack { reason } | End::Halted { reason, .. }) => reason.clone(),
            Some(End::Superseded { by }) => format!("another holder took the route: {by}"),
            Some(End::Promoted { .. } | End::AlreadyActive) | None => String::new(),
        };
        if reason.is_empty() && self.evidence.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nwhy")?;
        if !reason.is_empty() {
            f.write_str("  ")?;
            paragraph(f, &reason, 2)?;
        }
        self.evidence.iter().try_for_each(|evidence| evidence.show(f))
    }
}

impl Evidence {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for cause in &self.diagnosis.causes {
            write!(f, "  {}: ", self.color)?;
            paragraph(f, cause, 4)?;
        }
        for (place, text) in &self.diagnosis.evidence {
            writeln!(f, "  {}", clean(place))?;
            let lines: Vec<_> = text.lines().collect();
            let skipped = lines.len().saturating_sub(EVIDENCE_LINES);
            if skipped > 0 {
                writeln!(f, "    | ({} before)", count(skipped as u64, "line"))?;
            }
            for line in lines.into_iter().skip(skipped) {
                writeln!(f, "    | {}", clean(line))?;
            }
        }
        Ok(())
    }
}

impl Figures {
    fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ready) = self.ready {
            fact(f, "ready", format_args!("{} after the deployment began", span(ready)))?;
        }
        if let Some(switch) = self.switch {
            let converge = self.converge.map(|converge| format!(", traffic had arrived {} later", span(converge)));
            fact(f, "switch", format_args!("{}{}", span(switch), converge.unwrap_or_default()))?;
        }
        if let Some(watch) = self.watch {
            fact(f, "watch", span(watch))?;
        }
        for source in &self.sources {
            fact(f, "", source)?;
        }
        if let Some(roll_back) = self.roll_back {
            fact(f, "rollback", format_args!("{} from the decision to the last write of the route", span(roll_back)))?;
        }
        let writes: Vec<_> = self.writes.iter().map(|count| written(count.write, count.count)).collect();
        let all: u64 = self.writes.iter().map(|count| count.count).sum();
        match all {
            0 => fact(f, "writes", "none"),
            _ => fact(f, "writes", format_args!("{all}: {}", writes.join(", "))),
        }
    }
}

impl fmt::Display for SourceFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {}", self.source, self.color, count(self.samples, "sample"))?;
        match self.bad_samples {
            0 => f.write_str(", none bad")?,
            bad => write!(f, ", {bad} bad")?,
        }
        if self.silent_samples > 0 {
            write!(f, ", {} without data", self.silent_samples)?;
        }
        if let Some(counts) = self.counts {
            write!(f, ", {} of {} counted were bad", counts.bad, counts.total)?;
        }
        if let Some(highest) = self.highest {
            write!(f, ", highest {highest}")?;
        }
        self.what.as_ref().map_or(Ok(()), |what| write!(f, " ({})", clean(&what.to_string())))
    }
}

/// `green 1.4.2`.
fn named(color: Color, release: Option<&Release>) -> String {
    release.map_or_else(|| color.to_string(), |release| format!("{color} {release}"))
}

/// `switch`, or `2 × seal blue`.
fn written(write: Write, count: u64) -> String {
    let write = match write {
        Write::Raise => "raise".to_owned(),
        Write::Switch => "switch".to_owned(),
        Write::SwitchBack => "switch back".to_owned(),
        Write::Release => "release".to_owned(),
        Write::Shift(step) => format!("canary step {}", step + 1),
        other => other.to_string(),
    };
    if count == 1 { write } else { format!("{count} × {write}") }
}

fn fact(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:FACT$}{value}")
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, items: &[String]) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    items.iter().try_for_each(|item| {
        f.write_str("  ")?;
        paragraph(f, item, 2)
    })
}

/// Writes a text that may have several lines, the later ones indented.
fn paragraph(f: &mut fmt::Formatter<'_>, text: &str, indent: usize) -> fmt::Result {
    for (index, line) in text.trim_end().lines().enumerate() {
        if index > 0 {
            write!(f, "\n{:indent$}", "")?;
        }
        f.write_str(&clean(line))?;
    }
    f.write_char('\n')
}

/// Text of others without control characters: a log line must not be able to command a terminal.
fn clean(line: &str) -> String {
    line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}
