//! Looking at the world before anything is decided.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::backend::{BackendError, ColorObservation, RouteMark, RouteObservation};
use crate::color::{Color, PerColor};
use crate::driver::{Backends, call, persist};
use crate::engine::{Reading, View};
use crate::error::RunError;
use crate::report::Report;
use crate::target::Target;

/// The route and both colors, read one after the other.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) route: RouteObservation,
    pub(super) colors: PerColor<ColorObservation>,
    at: Timestamp,
}

impl Survey {
    pub(super) async fn take(backends: &Backends, deadline: Duration) -> Result<Self, BackendError> {
        let at = backends.clock.now();
        let route = persist(|| call(deadline, "read", "the route", backends.router.observe())).await?;
        let color = async |color: Color| {
            persist(|| call(deadline, "read", color.as_str(), backends.environment.observe(color))).await
        };
        let (blue, green) = tokio::try_join!(color(Color::Blue), color(Color::Green))?;
        Ok(Self { route, colors: PerColor { blue, green }, at })
    }

    /// The color that serves.
    pub(super) fn active(&self) -> Result<Color, RunError> {
        self.route.active().ok_or_else(|| {
            let objects = self.route.objects.iter().map(|object| format!("{}: {}", object.name, object.state));
            RunError::Ambiguous { found: objects.collect::<Vec<_>>().join("; ") }
        })
    }

    /// What the engine begins with. The route was read first, then the colors.
    pub(super) fn view(&self) -> View {
        let color = |color| Some(Reading { value: self.colors.get(color).clone(), serial: 2, at: self.at });
        View {
            route: Some(Reading { value: self.route.clone(), serial: 1, at: self.at }),
            colors: PerColor::from_fn(color),
            heard: PerColor::from_fn(color),
            ..View::default()
        }
    }

    pub(super) fn into_status(self, target: Target, holder: Option<RouteMark>, last: Option<Report>) -> TargetStatus {
        TargetStatus { target, route: self.route, colors: self.colors, holder, last }
    }
}

/// What is there now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetStatus {
    /// Of what.
    pub target: Target,
    /// The route.
    pub route: RouteObservation,
    /// Both colors.
    pub colors: PerColor<ColorObservation>,
    /// The mark of a rollout that holds the route and hasn't ended.
    pub holder: Option<RouteMark>,
    /// The last rollout in the journal.
    pub last: Option<Report>,
}

impl fmt::Display for TargetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.target)?;
        for object in &self.route.objects {
            writeln!(f, "  {} routes to {}", object.name, object.state)?;
        }
        for color in Color::ALL {
            let seen = self.colors.get(color);
            let role = if self.route.references(color) { "active" } else { "standby" };
            let release = seen.release.as_ref().map_or_else(|| "unknown release".to_owned(), ToString::to_string);
            let release = if seen.exists { release } else { "nothing deployed".to_owned() };
            writeln!(
                f,
                "  {color:<5} {role:<7} {release}, {} of {} ready ({})",
                seen.ready, seen.desired, seen.object
            )?;
        }
        match (&self.holder, &self.last) {
            (Some(mark), _) => writeln!(f, "  held by rollout {}", mark.rollout)?,
            (None, _) => writeln!(f, "  no rollout holds the route")?,
        }
        let Some(last) = &self.last else { return Ok(()) };
        let end = last
            .end
            .as_ref()
            .map_or_else(|| "not ended: recover it, unless its program still runs".to_owned(), ToString::to_string);
        let rollout = last.rollout.as_ref().map(ToString::to_string).unwrap_or_default();
        writeln!(f, "  last rollout in this journal: {rollout}, {end}")
    }
}
