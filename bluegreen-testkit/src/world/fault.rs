//! What can go wrong with a call to a backend, and the numbers by which calls are known.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bluegreen_core::{BackendError, Color, Stamp};

/// How long a call that times out takes to say so.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

/// What goes wrong with one call to a backend of a [`World`](super::World).
///
/// As text, which is how it is printed and read back: `error`, `late:5s`, `crash-late:3calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// It fails and certainly changes nothing: [`BackendError::Unavailable`].
    Error,
    /// It is done, but the answer is lost: [`BackendError::Unknown`].
    ErrorAfterEffect,
    /// It isn't done, and nobody says so: [`BackendError::TimedOut`] after a second.
    TimeoutWithoutEffect,
    /// It is done, and nobody says so: [`BackendError::TimedOut`] after a second.
    TimeoutWithEffect,
    /// [`BackendError::TimedOut`] after a second; what was asked for reaches the world this long after the call, with all
    /// its tests, even if its sender is gone by then.
    LateEffect(Duration),
    /// As [`LateEffect`](Self::LateEffect), but it reaches the world right before the n-th call after this one, by whatever
    /// program; after ten minutes if there are no more calls.
    LateByCalls(u64),
    /// It never returns and changes nothing.
    Hang,
    /// It takes this long, and is only then done.
    Slow(Duration),
    /// It reaches the world twice, one right after the other, and the second answer is returned: what a network, or a
    /// client that tries again by itself, makes of one call.
    Repeated,
    /// The program that makes it dies; it isn't done.
    Crash,
    /// The program that makes it dies right after it is done.
    CrashAfterEffect,
    /// The program that makes it dies; it reaches the world this long after.
    CrashLateEffect(Duration),
    /// The program that makes it dies; it reaches the world right before the n-th call after this one.
    CrashLateByCalls(u64),
    /// An append of which only the first half of the records is kept, by a program that dies. Any other call isn't done.
    Torn,
}

impl Fault {
    /// When the call has its effect, if ever.
    pub(crate) const fn landing(self) -> Landing {
        match self {
            Self::Error | Self::TimeoutWithoutEffect | Self::Hang | Self::Crash | Self::Torn => Landing::Never,
            Self::ErrorAfterEffect | Self::TimeoutWithEffect | Self::CrashAfterEffect => Landing::AtOnce,
            Self::LateEffect(after) | Self::CrashLateEffect(after) => Landing::After(after),
            Self::LateByCalls(calls) | Self::CrashLateByCalls(calls) => Landing::AfterCalls(calls),
            Self::Slow(_) | Self::Repeated => Landing::AtOnce,
        }
    }

    /// Whether the program dies of it.
    pub(crate) const fn kills(self) -> bool {
        matches!(
            self,
            Self::Crash | Self::CrashAfterEffect | Self::CrashLateEffect(_) | Self::CrashLateByCalls(_) | Self::Torn
        )
    }
}

/// When a call that goes wrong has its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landing {
    Never,
    AtOnce,
    After(Duration),
    AfterCalls(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("error"),
            Self::ErrorAfterEffect => f.write_str("error-after-effect"),
            Self::TimeoutWithoutEffect => f.write_str("timeout"),
            Self::TimeoutWithEffect => f.write_str("timeout-after-effect"),
            Self::LateEffect(after) => write!(f, "late:{}s", after.as_secs_f64()),
            Self::LateByCalls(calls) => write!(f, "late:{calls}calls"),
            Self::Hang => f.write_str("hang"),
            Self::Slow(duration) => write!(f, "slow:{}s", duration.as_secs_f64()),
            Self::Repeated => f.write_str("repeated"),
            Self::Crash => f.write_str("crash"),
            Self::CrashAfterEffect => f.write_str("crash-after-effect"),
            Self::CrashLateEffect(after) => write!(f, "crash-late:{}s", after.as_secs_f64()),
            Self::CrashLateByCalls(calls) => write!(f, "crash-late:{calls}calls"),
            Self::Torn => f.write_str("torn"),
        }
    }
}

/// The text is not that of a [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseFaultError(pub(crate) String);

impl fmt::Display for ParseFaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a fault: expected something like error, late:5s, crash-late:3calls", self.0)
    }
}

impl std::error::Error for ParseFaultError {}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let calls = || value.strip_suffix("calls")?.parse().ok();
        let duration = || {
            let seconds = value.strip_suffix('s').filter(|_| !value.ends_with("calls"))?.parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok()
        };
        let parsed = match name {
            "late" => duration().map(Self::LateEffect).or_else(|| calls().map(Self::LateByCalls)),
            "crash-late" => duration().map(Self::CrashLateEffect).or_else(|| calls().map(Self::CrashLateByCalls)),
            "slow" => duration().map(Self::Slow),
            _ if !value.is_empty() => None,
            "error" => Some(Self::Error),
            "error-after-effect" => Some(Self::ErrorAfterEffect),
            "timeout" => Some(Self::TimeoutWithoutEffect),
            "timeout-after-effect" => Some(Self::TimeoutWithEffect),
            "hang" => Some(Self::Hang),
            "repeated" => Some(Self::Repeated),
            "crash" => Some(Self::Crash),
            "crash-after-effect" => Some(Self::CrashAfterEffect),
            "torn" => Some(Self::Torn),
            _ => None,
        };
        parsed.ok_or_else(|| ParseFaultError(text.to_owned()))
    }
}

/// One call that was made to a backend of a [`World`](super::World).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its number; the first call is 1.
    pub number: u64,
    /// Its name: the backend and the method, as in `router.write`.
    pub name: &'static str,
    /// When it began, by the time since the world began.
    pub at: Duration,
    /// Which program made it, counted from 1; see [`World::another_program`](super::World::another_program).
    pub program: u32,
}

/// A call as it is about to be made.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    /// What is asked, as a verb.
    pub(crate) action: &'static str,
    pub(crate) object: String,
    /// What it leaves, if it is a fenced write.
    pub(crate) stamp: Option<Stamp>,
    /// The color that it would take capacity from.
    pub(crate) hurts: Option<Color>,
}

impl Site {
    pub(crate) fn new(name: &'static str, action: &'static str, object: impl Into<String>) -> Self {
        Self { name, action, object: object.into(), stamp: None, hurts: None }
    }

    /// The same as a write that leaves `stamp`.
    pub(crate) fn leaving(mut self, stamp: &Stamp) -> Self {
        self.stamp = Some(stamp.clone());
        self
    }

    /// The same as a write that takes capacity from `color`, if it does.
    pub(crate) fn hurting(mut self, color: Option<Color>) -> Self {
        self.hurts = color;
        self
    }

    /// What a backend says of a call that broke off.
    pub(crate) fn error(&self, broken: Broken) -> BackendError {
        let (action, object) = (self.action.to_owned(), self.object.clone());
        match broken {
            Broken::Unavailable => {
                BackendError::Unavailable { action, object, source: "the test made this call fail".into() }
            }
            Broken::Unknown => BackendError::Unknown { action, object, source: "the test took the answer away".into() },
            Broken::TimedOut => BackendError::TimedOut { action, object, after: TIMEOUT },
        }
    }
}

/// How a call broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It certainly wasn't done.
    Unavailable,
    /// Whether it was done is unknown.
    Unknown,
    /// The same, after a while.
    TimedOut,
}

/// A stretch of time in which all calls of a kind go wrong.
#[derive(Debug, Clone)]
struct Outage {
    /// The beginning of the names of the calls that it hits.
    calls: String,
    fault: Fault,
    until: Duration,
}

/// The calls that were made, and the faults that wait for one.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    calls: Vec<Call>,
    by_number: BTreeMap<u64, Fault>,
    by_name: BTreeMap<String, VecDeque<Fault>>,
    outages: Vec<Outage>,
}

impl Faults {
    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn fail_call(&mut self, number: u64, fault: Fault) {
        self.by_number.insert(number, fault);
    }

    pub(crate) fn fail_next(&mut self, name: String, fault: Fault) {
        self.by_name.entry(name).or_default().push_back(fault);
    }

    pub(crate) fn fail_until(&mut self, calls: String, fault: Fault, until: Duration) {
        self.outages.push(Outage { calls, fault, until });
    }

    /// Whether the program that made a call had looked at the route between that call and one before it.
    pub(crate) fn saw_route_since(&self, earlier: u64, call: u64) -> bool {
        let program = |number: u64| self.calls.get(number.checked_sub(1)? as usize).map(|call| call.program);
        let between = self.calls.iter().skip(earlier as usize).take_while(|other| other.number < call);
        let looks = |name: &str| matches!(name, "router.observe" | "router.write");
        between.filter(|other| Some(other.program) == program(call)).any(|other| looks(other.name))
    }

    /// Takes back all faults that wait for a call.
    pub(crate) fn clear(&mut self) {
        self.by_number.clear();
        self.by_name.clear();
        self.outages.clear();
    }

    /// The number of the last call.
    pub(crate) const fn count(&self) -> u64 {
        self.calls.len() as u64
    }

    /// Counts a call that begins, and says what goes wrong with it. A fault by number leaves one by name for later.
    pub(crate) fn begin(&mut self, name: &'static str, program: u32, now: Duration) -> (u64, Option<Fault>) {
        let number = self.count() + 1;
        self.calls.push(Call { number, name, at: now, program });
        self.outages.retain(|outage| now < outage.until);
        let fault = self.by_number.remove(&number);
        let fault = fault.or_else(|| self.by_name.get_mut(name)?.pop_front());
        let outage = || self.outages.iter().find(|outage| name.starts_with(&outage.calls));
        (number, fault.or_else(|| outage().map(|outage| outage.fault)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_printed() {
        for (fault, text) in [
            (Fault::Error, "error"),
            (Fault::TimeoutWithEffect, "timeout-after-effect"),
            (Fault::LateEffect(Duration::from_millis(2500)), "late:2.5s"),
            (Fault::LateByCalls(3), "late:3calls"),
            (Fault::CrashLateByCalls(7), "crash-late:7calls"),
            (Fault::Slow(Duration::from_secs(3)), "slow:3s"),
            (Fault::Torn, "torn"),
        ] {
            assert_eq!(fault.to_string(), text);
            assert_eq!(text.parse(), Ok(fault));
        }
        for text in ["", "late", "late:", "late:5", "late:-1s", "error:5s", "hang:3calls"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
