//! The configuration of the app, by environment variables only.

use std::fmt::{self, Display};
use std::time::Duration;

use hyper::header::HeaderValue;

use crate::mode::{self, Change, Mode};

/// The configuration of the app; the defaults are those of an empty environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `PORT`: the port to listen on.
    pub port: u16,
    /// `VERSION`: the version the app answers with.
    pub version: HeaderValue,
    /// `COLOR`: echoed.
    pub color: Option<String>,
    /// `POD_NAME`: echoed.
    pub pod: Option<String>,
    /// `START_DELAY`: how long the app is not ready after its start.
    pub start_delay: Duration,
    /// `TERM_DELAY`: how long the app keeps serving after it was asked to stop.
    pub term_delay: Duration,
    /// `START_AS`: the modes to start in.
    pub start_as: Vec<Mode>,
}

/// An environment variable that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: &'static str,
    reason: String,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// If a variable makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|variable| std::env::var(variable).ok())
    }

    /// Reads any environment. An empty variable counts as absent, as that is what a manifest often means.
    ///
    /// # Errors
    ///
    /// If a variable makes no sense.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = |variable| lookup(variable).filter(|value| !value.is_empty());
        let mut config = Self { color: text("COLOR"), pod: text("POD_NAME"), ..Self::default() };
        if let Some(port) = text("PORT") {
            config.port = port.parse().map_err(|error| ConfigError::new("PORT", error))?;
        }
        if let Some(version) = text("VERSION") {
            config.version = version.parse().map_err(|error| ConfigError::new("VERSION", error))?;
        }
        if let Some(delay) = text("START_DELAY") {
            config.start_delay = mode::duration(&delay).map_err(|error| ConfigError::new("START_DELAY", error))?;
        }
        if let Some(delay) = text("TERM_DELAY") {
            config.term_delay = mode::duration(&delay).map_err(|error| ConfigError::new("TERM_DELAY", error))?;
        }
        if let Some(modes) = text("START_AS") {
            config.start_as = Mode::list(&modes).map_err(|error| ConfigError::new("START_AS", error))?;
        }
        Ok(config)
    }

    /// Whether the process is to end before it serves anything.
    #[must_use]
    pub fn exits_at_start(&self) -> bool {
        self.start_as.contains(&Mode { change: Change::Exit, after: None })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 8080,
            version: HeaderValue::from_static("v1"),
            color: None,
            pod: None,
            start_delay: Duration::ZERO,
            term_delay: Duration::from_secs(3),
            start_as: Vec::new(),
        }
    }
}

impl ConfigError {
    fn new(variable: &'static str, reason: impl Display) -> Self {
        Self { variable, reason: reason.to_string() }
    }
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.reason)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|variable| {
            environment.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_empty_environment_is_the_default() {
        assert_eq!(config(&[]), Ok(Config::default()));
        assert_eq!(config(&[("PORT", ""), ("START_AS", "")]), Ok(Config::default()));
    }

    #[test]
    fn reads_every_variable() {
        let environment = [
            ("PORT", "9090"),
            ("VERSION", "v2"),
            ("COLOR", "green"),
            ("POD_NAME", "app-7"),
            ("START_DELAY", "2"),
            ("TERM_DELAY", "500ms"),
            ("START_AS", "fail,exit"),
        ];
        let config = config(&environment).unwrap();
        let expected = Config {
            port: 9090,
            version: HeaderValue::from_static("v2"),
            color: Some("green".to_owned()),
            pod: Some("app-7".to_owned()),
            start_delay: Duration::from_secs(2),
            term_delay: Duration::from_millis(500),
            start_as: Mode::list("fail,exit").unwrap(),
        };
        assert_eq!(config, expected);
        assert!(config.exits_at_start());
    }

    #[test]
    fn names_the_variable_that_makes_no_sense() {
        let wrong = [
            ("PORT", "70000"),
            ("VERSION", "v\n1"),
            ("START_DELAY", "soon"),
            ("TERM_DELAY", "-1"),
            ("START_AS", "no-such-mode"),
        ];
        for (variable, value) in wrong {
            let error = config(&[(variable, value)]).unwrap_err().to_string();
            assert!(error.starts_with(variable), "{error}");
        }
    }

    #[test]
    fn a_later_exit_is_no_exit_at_start() {
        assert!(!config(&[("START_AS", "exit-after:1s")]).unwrap().exits_at_start());
    }
}
