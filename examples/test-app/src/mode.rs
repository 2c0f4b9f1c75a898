//! What the app can be told to do wrong, and its notation.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Longer than any test; keeps every sum of an instant and a duration far from overflowing.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A change of behaviour, at once or after some time: `fail`, `slow:200ms`, `exit-after:10s`.
///
/// What is due later cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// What changes.
    pub change: Change,
    /// How long after it was asked for; `None` is at once.
    pub after: Option<Duration>,
}

/// A change of behaviour. Changes add up: an app can be slow, failing and unready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `ok`: takes back `fail`, `slow` and `unhealthy`.
    Ok,
    /// `fail`: `/` answers 500.
    Fail,
    /// `slow:200ms`: `/` answers that much later.
    Slow(Duration),
    /// `unready`: `/ready` answers 503.
    Unready,
    /// `ready`: takes back `unready`, but does not cut the start delay short.
    Ready,
    /// `unhealthy`: `/health` answers 503.
    Unhealthy,
    /// `exit`: the process ends with code 1.
    Exit,
}

/// A mode or a duration that is not in the notation of this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeError(String);

impl Mode {
    /// Reads modes separated by commas; an empty text has none.
    ///
    /// # Errors
    ///
    /// If one of them is unknown; then none is returned.
    pub fn list(text: &str) -> Result<Vec<Self>, ModeError> {
        text.split(',').map(str::trim).filter(|mode| !mode.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let unknown = || ModeError(format!("unknown mode {text:?}"));
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(duration(argument)?)),
            None => (text, None),
        };
        let (change, after) = match (name, argument) {
            ("slow", Some(delay)) => (Change::Slow(delay), None),
            (plain, None) => (Change::plain(plain).ok_or_else(unknown)?, None),
            (later, after) => {
                let plain = later.strip_suffix("-after").ok_or_else(unknown)?;
                (Change::plain(plain).ok_or_else(unknown)?, after)
            }
        };
        Ok(Self { change, after })
    }
}

impl Change {
    /// The change of this name, for those that take no argument.
    fn plain(name: &str) -> Option<Self> {
        match name {
            "ok" => Some(Self::Ok),
            "fail" => Some(Self::Fail),
            "unready" => Some(Self::Unready),
            "ready" => Some(Self::Ready),
            "unhealthy" => Some(Self::Unhealthy),
            "exit" => Some(Self::Exit),
            _ => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Fail => f.write_str("fail"),
            Self::Slow(delay) => write!(f, "slow:{}ms", delay.as_millis()),
            Self::Unready => f.write_str("unready"),
            Self::Ready => f.write_str("ready"),
            Self::Unhealthy => f.write_str("unhealthy"),
            Self::Exit => f.write_str("exit"),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after {
            Some(after) => write!(f, "{}-after:{}ms", self.change, after.as_millis()),
            None => self.change.fmt(f),
        }
    }
}

impl fmt::Display for ModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ModeError {}

/// Reads `10s`, `300ms` or `10` (seconds).
pub(crate) fn duration(text: &str) -> Result<Duration, ModeError> {
    let (number, to_duration): (&str, fn(u64) -> Duration) = match text.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis),
        None => (text.strip_suffix('s').unwrap_or(text), Duration::from_secs),
    };
    let number = number.parse().map_err(|_| ModeError(format!("{text:?} is no duration such as 10s or 300ms")))?;
    let duration = to_duration(number);
    if duration > LONGEST {
        return Err(ModeError(format!("{text:?} is longer than a day")));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_notation() {
        for text in ["ok", "fail", "slow:200ms", "unready", "ready", "unhealthy", "exit", "fail-after:5000ms"] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
        let modes = Mode::list("fail, exit-after:10s,slow:2").unwrap();
        let expected = [
            Mode { change: Change::Fail, after: None },
            Mode { change: Change::Exit, after: Some(Duration::from_secs(10)) },
            Mode { change: Change::Slow(Duration::from_secs(2)), after: None },
        ];
        assert_eq!(modes, expected);
        assert_eq!(Mode::list(""), Ok(Vec::new()));
    }

    #[test]
    fn refuses_anything_else() {
        let wrong = [
            "",
            "faill",
            "slow",
            "slow:",
            "slow:fast",
            "slow:-1s",
            "fail:1s",
            "after:1s",
            "-after:1s",
            "fail-after",
            "slow-after:1s",
            "exit-after:99999999999999999999s",
            "exit-after:18446744073709551615",
        ];
        for text in wrong {
            assert!(text.parse::<Mode>().is_err(), "{text:?}");
        }
        assert!(Mode::list("fail,unknown").is_err());
    }
}
