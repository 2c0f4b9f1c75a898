//! Suites as a test binary.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use super::case::{Case, Settings, Suite};

/// Runs all cases of `suites` as a test binary would: the `main` of a test file with `harness = false`.
///
/// Every case is a test of its own, with a runtime of its own. Filters, `--list`, `--exact`, `--test-threads` and the
/// other arguments work as usual. A suite whose harness can't make a subject is a test that fails.
#[must_use]
pub fn run(suites: impl IntoIterator<Item = Suite>) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = suites.into_iter().flat_map(trials).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(suite: Suite) -> Vec<Trial> {
    let name = suite.name().to_owned();
    let cases = match runtime(suite.settings()) {
        Ok(runtime) => runtime.block_on(suite.cases()).map_err(|failure| failure.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match cases {
        Ok(cases) => cases.into_iter().map(trial).collect(),
        Err(why) => vec![Trial::test(format!("{name}::can_be_set_up"), move || Err(Failed::from(why)))],
    }
}

fn trial(case: Case) -> Trial {
    Trial::test(case.name().to_owned(), move || Ok(runtime(case.settings())?.block_on(case.run())?))
}

fn runtime(settings: Settings) -> std::io::Result<Runtime> {
    if settings.paused {
        Builder::new_current_thread().enable_all().start_paused(true).build()
    } else {
        Builder::new_multi_thread().worker_threads(2).enable_all().build()
    }
}
