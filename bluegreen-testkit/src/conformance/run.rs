//! Suites as a test binary.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use super::case::{Case, Suite};

/// Which time the cases live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Tokio's paused clock, for backends that only wait on it: hours pass at once, on one thread.
    Paused,
    /// The real one, for servers and disks, on two threads.
    Real,
}

impl Time {
    fn runtime(self) -> std::io::Result<Runtime> {
        match self {
            Self::Paused => Builder::new_current_thread().enable_all().start_paused(true).build(),
            Self::Real => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        }
    }
}

/// Runs all cases of `suites` as a test binary would: the `main` of a test file with `harness = false`.
///
/// Every case is a test of its own, with a runtime of its own. Filters, `--list`, `--exact`, `--test-threads` and the
/// other arguments work as usual. A suite whose harness can't make a subject is a test that fails.
#[must_use]
pub fn run(time: Time, suites: impl IntoIterator<Item = Suite>) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = suites.into_iter().flat_map(|suite| trials(time, suite)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(time: Time, suite: Suite) -> Vec<Trial> {
    let name = suite.name().to_owned();
    let cases = match time.runtime() {
        Ok(runtime) => runtime.block_on(suite.cases()).map_err(|failure| failure.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match cases {
        Ok(cases) => {
            cases.into_iter().map(|case| Trial::test(case.name().to_owned(), move || test(time, &case))).collect()
        }
        Err(why) => vec![Trial::test(format!("{name}::can_be_set_up"), move || Err(Failed::from(why)))],
    }
}

fn test(time: Time, case: &Case) -> Result<(), Failed> {
    Ok(time.runtime()?.block_on(case.run())?)
}
