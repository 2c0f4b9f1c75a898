//! What can be changed from the command line; without any of it the example just runs.

use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

/// Two blue-green rollouts of a small shop, all in this process: a good release is promoted, a bad one is rolled back by
/// itself, and clients that order all the time lose nothing.
#[derive(Debug, Clone, Parser)]
#[command(name = "quickstart")]
pub(crate) struct Args {
    /// How long each release is watched after it got the traffic
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = RangedU64ValueParser::<u64>::new().range(2..=3600))]
    watch: u64,

    /// How many requests the clients send each second, all together
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = RangedU64ValueParser::<u32>::new().range(20..=500))]
    pub(crate) rate: u32,

    /// When the second release begins to fail, counted from its first order
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = RangedU64ValueParser::<u64>::new().range(0..=3600))]
    fail_after: u64,

    /// Print events, reports and figures as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(crate) const fn watch(&self) -> Duration {
        Duration::from_secs(self.watch)
    }

    pub(crate) const fn fail_after(&self) -> Duration {
        Duration::from_secs(self.fail_after)
    }
}
