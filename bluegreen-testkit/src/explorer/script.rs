//! What goes wrong in one run, as data that can be printed and read back.

use std::fmt;
use std::str::FromStr;

use bluegreen_core::{Color, Split};

use crate::world::{Fault, Incident};

/// What goes wrong in one run, by the calls at which it does.
///
/// As text: `12:late:5s 30:crash/two-programs 31:remove-key`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script {
    pub(super) steps: Vec<(u64, Mishap)>,
}

/// One thing that goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mishap {
    /// The call itself goes wrong.
    Fault(Fault),
    /// The program dies of this fault, and this is how others go on.
    Death(Fault, Revival),
    /// Right after the call, somebody routes to this color.
    EditRoute(Color),
    /// Right after the call, somebody takes what tells the colors apart out of the route.
    RemoveKey,
    /// Right after the call, somebody replaces the route by a manifest without our marks, which routes to this color.
    ReplaceRoute(Color),
    /// Right after the call, all pods of this color die.
    KillPods(Color),
    /// Once the call was made, somebody asks the rollout for this.
    Ask(Ask),
}

/// How a rollout is gone on with after its program died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Revival {
    /// By one program, a second later.
    Soon,
    /// By one program, when every deadline of the plan has passed.
    Late,
    /// By two programs at once, a second later.
    Twice,
}

/// What somebody asks of a running rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ask {
    /// To abort.
    Abort,
    /// To roll back.
    RollBack,
    /// To pause, and five minutes later to resume.
    Pause,
}

impl Mishap {
    /// What it lets happen to the world.
    pub(super) fn incident(self) -> Option<Incident> {
        match self {
            Self::EditRoute(color) => Some(Incident::EditRoute(Split::only(color))),
            Self::RemoveKey => Some(Incident::RemoveKey),
            Self::ReplaceRoute(color) => Some(Incident::ReplaceRoute(color)),
            Self::KillPods(color) => Some(Incident::KillPods(color)),
            Self::Fault(_) | Self::Death(..) | Self::Ask(_) => None,
        }
    }

    /// The fault of the call.
    pub(super) const fn fault(self) -> Option<Fault> {
        match self {
            Self::Fault(fault) | Self::Death(fault, _) => Some(fault),
            _ => None,
        }
    }
}

impl Script {
    /// Nothing goes wrong.
    pub(super) const fn nothing() -> Self {
        Self { steps: Vec::new() }
    }

    /// The same with one thing more.
    pub(super) fn with(&self, call: u64, mishap: Mishap) -> Self {
        let mut steps = self.steps.clone();
        steps.push((call, mishap));
        Self { steps }
    }

    /// The same without one thing.
    pub(super) fn without(&self, index: usize) -> Self {
        let mut steps = self.steps.clone();
        steps.remove(index);
        Self { steps }
    }

    pub(super) fn has(&self, what: impl Fn(Mishap) -> bool) -> bool {
        self.steps.iter().any(|(_, mishap)| what(*mishap))
    }

    /// The last call at which something goes wrong.
    pub(super) fn last_call(&self) -> u64 {
        self.steps.iter().map(|(call, _)| *call).max().unwrap_or(0)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (call, mishap)) in self.steps.iter().enumerate() {
            write!(f, "{}{call}:{mishap}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) | Self::Death(fault, Revival::Soon) => write!(f, "{fault}"),
            Self::Death(fault, Revival::Late) => write!(f, "{fault}/late"),
            Self::Death(fault, Revival::Twice) => write!(f, "{fault}/two-programs"),
            Self::EditRoute(color) => write!(f, "edit-route-to-{color}"),
            Self::RemoveKey => f.write_str("remove-key"),
            Self::ReplaceRoute(color) => write!(f, "replace-route-by-{color}"),
            Self::KillPods(color) => write!(f, "kill-pods-of-{color}"),
            Self::Ask(Ask::Abort) => f.write_str("ask-abort"),
            Self::Ask(Ask::RollBack) => f.write_str("ask-rollback"),
            Self::Ask(Ask::Pause) => f.write_str("ask-pause"),
        }
    }
}

/// The text is not that of a [`Script`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseScriptError(String);

impl fmt::Display for ParseScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not <call>:<what goes wrong>, as in 12:late:5s or 31:remove-key", self.0)
    }
}

impl std::error::Error for ParseScriptError {}

impl FromStr for Script {
    type Err = ParseScriptError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let step = |step: &str| {
            let (call, mishap) = step.split_once(':')?;
            Some((call.parse().ok()?, parse(mishap)?))
        };
        let steps = text.split_whitespace().map(|text| step(text).ok_or_else(|| ParseScriptError(text.to_owned())));
        Ok(Self { steps: steps.collect::<Result<_, _>>()? })
    }
}

fn parse(text: &str) -> Option<Mishap> {
    let color = |prefix: &str| text.strip_prefix(prefix)?.parse().ok();
    match text {
        "remove-key" => return Some(Mishap::RemoveKey),
        "ask-abort" => return Some(Mishap::Ask(Ask::Abort)),
        "ask-rollback" => return Some(Mishap::Ask(Ask::RollBack)),
        "ask-pause" => return Some(Mishap::Ask(Ask::Pause)),
        _ => {}
    }
    let edit = color("edit-route-to-").map(Mishap::EditRoute);
    let edit = edit.or_else(|| color("replace-route-by-").map(Mishap::ReplaceRoute));
    if let Some(mishap) = edit.or_else(|| color("kill-pods-of-").map(Mishap::KillPods)) {
        return Some(mishap);
    }
    let (fault, revival) = match text.split_once('/') {
        None => (text, Revival::Soon),
        Some((fault, "late")) => (fault, Revival::Late),
        Some((fault, "two-programs")) => (fault, Revival::Twice),
        Some(_) => return None,
    };
    let fault: Fault = fault.parse().ok()?;
    match (fault.kills(), revival) {
        (true, revival) => Some(Mishap::Death(fault, revival)),
        (false, Revival::Soon) => Some(Mishap::Fault(fault)),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_as_they_are_printed() {
        for text in [
            "",
            "3:error",
            "12:late:5s 30:crash/two-programs 31:remove-key",
            "7:crash-late:3calls/late 9:edit-route-to-green 9:ask-pause 10:replace-route-by-blue 11:kill-pods-of-blue",
        ] {
            let script: Script = text.parse().unwrap();
            assert_eq!(script.to_string(), text);
        }
        for text in ["12", "x:error", "1:error/late", "1:crash/soon", "1:kill-pods-of-red"] {
            assert!(text.parse::<Script>().is_err(), "{text}");
        }
    }
}
