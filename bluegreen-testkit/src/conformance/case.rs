//! Cases, and how one is run: on a fresh subject, under a deadline, with everything cleaned up afterwards.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::failure::{Checked, Failure};

/// How long a case may take, unless its suite was told otherwise.
const DEADLINE: Duration = Duration::from_secs(180);

/// How long the cleaning up after a case may take.
const CLEAN_UP: Duration = Duration::from_secs(60);

/// A subject for one case, with what has to be done when the case is over.
///
/// A subject that cleans up by itself when it is dropped needs none of this: it becomes a fixture by `into`.
pub struct Fixture<S> {
    subject: S,
    guard: Option<Box<dyn Any + Send>>,
    clean_up: Option<BoxFuture<'static, Checked>>,
}

impl<S> Fixture<S> {
    /// A fixture without anything to clean up.
    pub const fn new(subject: S) -> Self {
        Self { subject, guard: None, clean_up: None }
    }

    /// Keeps `guard`, as in a temporary directory, and drops it when the case is over.
    #[must_use]
    pub fn guard(mut self, guard: impl Any + Send) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }

    /// Awaits `clean_up` when the case is over, whether it passed, failed, panicked or took too long.
    #[must_use]
    pub fn clean_up(mut self, clean_up: impl Future<Output = Checked> + Send + 'static) -> Self {
        self.clean_up = Some(Box::pin(clean_up));
        self
    }
}

impl<S: fmt::Debug> fmt::Debug for Fixture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl<S> From<S> for Fixture<S> {
    fn from(subject: S) -> Self {
        Self::new(subject)
    }
}

/// Makes a fresh subject for each case. Implemented by every async function that returns one, or a [`Fixture`] around
/// one.
pub trait Harness<S>: Send + Sync + 'static {
    /// Makes a subject that shares nothing with any other.
    fn fresh(&self) -> BoxFuture<'static, Result<Fixture<S>, Failure>>;
}

impl<S, M, F, T> Harness<S> for M
where
    M: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Into<Fixture<S>>,
{
    fn fresh(&self) -> BoxFuture<'static, Result<Fixture<S>, Failure>> {
        let made = self();
        async move { Ok(made.await?.into()) }.boxed()
    }
}

/// One case of a suite, not yet bound to a harness.
pub(crate) struct Rule<S> {
    name: &'static str,
    applies: fn(&S) -> bool,
    check: for<'a> fn(&'a S) -> BoxFuture<'a, Checked>,
}

impl<S> Rule<S> {
    pub(crate) const fn new(
        name: &'static str,
        applies: fn(&S) -> bool,
        check: for<'a> fn(&'a S) -> BoxFuture<'a, Checked>,
    ) -> Self {
        Self { name, applies, check }
    }
}

/// A [`Rule`] of an async function, named as it is; with a condition, only for subjects that meet it.
macro_rules! rule {
    ($check:path) => {
        rule!($check, |_| true)
    };
    ($check:path, $applies:expr) => {
        $crate::conformance::case::Rule::new(
            $crate::conformance::case::last_word(stringify!($check)),
            $applies,
            |subject| Box::pin($check(subject)),
        )
    };
}
pub(crate) use rule;

/// `check` of `module::check`.
pub(crate) fn last_word(path: &'static str) -> &'static str {
    path.rsplit(':').next().unwrap_or(path).trim()
}

/// One named check of one written contract.
#[derive(Clone)]
pub struct Case {
    name: String,
    settings: Settings,
    check: Arc<dyn Fn() -> BoxFuture<'static, Checked> + Send + Sync>,
}

impl Case {
    /// What is checked, after the name of the suite: `FileJournal::what_was_appended_is_loaded_in_order`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a fresh subject and checks it, within the suite's deadline.
    ///
    /// # Errors
    ///
    /// The [`Failure`] says what was expected and what was found.
    pub async fn run(&self) -> Checked {
        (self.check)().await
    }

    pub(super) const fn settings(&self) -> Settings {
        self.settings
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How the cases of a suite are run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    deadline: Duration,
    pub(super) paused: bool,
}

/// The cases that apply to one backend, once it was asked.
type Bound = BoxFuture<'static, Result<Vec<Case>, Failure>>;

/// The cases of one trait for one backend.
pub struct Suite {
    name: String,
    settings: Settings,
    bind: Box<dyn FnOnce(String, Settings) -> Bound + Send>,
}

impl Suite {
    pub(crate) fn new<S>(name: impl Into<String>, harness: impl Harness<S>, rules: Vec<Rule<S>>) -> Self
    where
        S: Send + Sync + 'static,
    {
        let bind = move |name, settings| bind(name, settings, Arc::new(harness), rules).boxed();
        let settings = Settings { deadline: DEADLINE, paused: false };
        Self { name: name.into(), settings, bind: Box::new(bind) }
    }

    /// How long each case may take, with making its subject; three minutes by default.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Lets [`run`](super::run) put each case on tokio's paused clock, on one thread, instead of real time on two: for
    /// backends that wait for nothing else than that clock. Minutes pass at once.
    #[must_use]
    pub const fn paused(mut self) -> Self {
        self.settings.paused = true;
        self
    }

    pub(super) const fn settings(&self) -> Settings {
        self.settings
    }

    /// What the suite was called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cases that apply to this backend. Makes one subject to ask it what it can do.
    ///
    /// # Errors
    ///
    /// The [`Failure`] of the harness, if it can't make a subject.
    pub async fn cases(self) -> Result<Vec<Case>, Failure> {
        (self.bind)(self.name, self.settings).await
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

async fn bind<S: Send + Sync + 'static>(
    suite: String,
    settings: Settings,
    harness: Arc<dyn Harness<S>>,
    rules: Vec<Rule<S>>,
) -> Result<Vec<Case>, Failure> {
    let Fixture { subject, guard, clean_up } = made(&*harness, settings.deadline).await?;
    let applying = rules.into_iter().filter(|rule| (rule.applies)(&subject));
    let cases = applying.map(|rule| {
        let harness = Arc::clone(&harness);
        let check = move || {
            let harness = Arc::clone(&harness);
            async move { run(&*harness, rule.check, settings.deadline).await }.boxed()
        };
        Case { name: format!("{suite}::{}", rule.name), settings, check: Arc::new(check) }
    });
    let cases = cases.collect();
    finish(subject, guard, clean_up).await?;
    Ok(cases)
}

async fn run<S: Send + Sync + 'static>(
    harness: &dyn Harness<S>,
    check: for<'a> fn(&'a S) -> BoxFuture<'a, Checked>,
    deadline: Duration,
) -> Checked {
    let Fixture { subject, guard, clean_up } = made(harness, deadline).await?;
    let checked = match timeout(deadline, AssertUnwindSafe(check(&subject)).catch_unwind()).await {
        Ok(Ok(checked)) => checked,
        Ok(Err(panic)) => Err(Failure::new(format!("panicked: {}", panic_message(&*panic)))),
        Err(_) => Err(Failure::new(format!("a call still hadn't returned after {deadline:?}"))),
    };
    let cleaned = finish(subject, guard, clean_up).await;
    checked.and(cleaned)
}

async fn made<S: 'static>(harness: &dyn Harness<S>, deadline: Duration) -> Result<Fixture<S>, Failure> {
    match timeout(deadline, harness.fresh()).await {
        Ok(made) => made.map_err(|failure| failure.at("the harness made no subject")),
        Err(_) => Err(Failure::new(format!("the harness made no subject within {deadline:?}"))),
    }
}

/// Ends with a subject: first itself, so that nothing of it is in use any more, then what it stood on.
async fn finish<S>(
    subject: S,
    guard: Option<Box<dyn Any + Send>>,
    clean_up: Option<BoxFuture<'static, Checked>>,
) -> Checked {
    drop(subject);
    let cleaned = match clean_up {
        None => Ok(()),
        Some(clean_up) => match timeout(CLEAN_UP, clean_up).await {
            Ok(cleaned) => cleaned.map_err(|failure| failure.at("could not clean up")),
            Err(_) => Err(Failure::new(format!("could not clean up within {CLEAN_UP:?}"))),
        },
    };
    drop(guard);
    cleaned
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
