//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::Description;
use bluegreen_core::plan::{Capacity, PlanSpec};
use clap::{Parser, ValueEnum};
use jiff::SignedDuration;
use serde_json::Value;

/// Blue-green rollouts of a Kubernetes service.
///
/// Exits with 0 when it did what was asked, 1 on an error, 2 when the rollout was aborted, 3 when it was rolled back, 4
/// when a person is needed, 5 when another program took over.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// What to do
    #[arg(value_enum)]
    pub(crate) command: Command,
    /// The Service; its Deployments are called `<service>-blue` and `<service>-green`
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,
    /// The namespace
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) namespace: String,
    /// The folder of the journal, the same for all commands
    #[arg(long, value_name = "FOLDER", default_value = "rollouts")]
    pub(crate) journal: PathBuf,
    /// Print JSON: what goes on line by line, then the report
    #[arg(long)]
    pub(crate) json: bool,
    /// The image, best with its digest
    #[arg(long, default_value = "", hide_default_value = true, required_if_eq_any = [("command", "run"), ("command", "plan")])]
    pub(crate) image: String,
    /// Why to roll back, for the journal
    #[arg(long, default_value = "", hide_default_value = true, required_if_eq("command", "roll-back"))]
    pub(crate) reason: String,
    /// The Deployment as YAML, without color and image; unless given, the one that serves is cloned
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Deploy over a Deployment that others made, too
    #[arg(long)]
    pub(crate) adopt: bool,
    /// How many replicas the new release gets; as many as serve now unless given
    #[arg(long, value_name = "REPLICAS")]
    pub(crate) capacity: Option<u32>,
    /// A path that must answer 2xx before the switch and during the watch, asked at cluster addresses
    #[arg(long, value_name = "PATH")]
    pub(crate) smoke: Option<String>,
    /// How long to wait after the switch for data planes that can't be observed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) settle: Duration,
    /// How long the new release is observed before the old one is scaled down
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) watch: Duration,
    /// How long open connections may stay on the old color
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) drain: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Command {
    /// Bring an image to the users of the service
    Run,
    /// Show what `run` would do, and whether it could; changes nothing
    Plan,
    /// Show which color serves which release, and the last rollout; changes nothing
    Status,
    /// Go on with a rollout whose program has ended too early; the journal knows its settings, but for a manifest
    Recover,
    /// Return users to the other color, even while another program rolls out
    RollBack,
}

impl Args {
    /// Takes the settings from the plan of an earlier rollout.
    ///
    /// None can get lost unseen: a recovery compares the plan that is made of them with the journal's.
    pub(crate) fn take_settings(&mut self, plan: &PlanSpec) {
        let path = |probe: &Description| Some(probe.settings.get("get")?.as_str()?.to_owned());
        let adopt = plan.environment.settings.get("adopt_existing");
        self.adopt = adopt.and_then(Value::as_bool).unwrap_or_default();
        self.smoke = plan.smoke.first().and_then(path);
        self.settle = plan.settle;
        self.watch = plan.watch.as_ref().map_or(self.watch, |watch| watch.duration);
        self.drain = plan.drain;
        if let Capacity::Exactly(replicas) = plan.capacity {
            self.capacity = Some(replicas);
        }
    }
}

fn duration(text: &str) -> Result<Duration, jiff::Error> {
    text.parse::<SignedDuration>()?.try_into()
}
