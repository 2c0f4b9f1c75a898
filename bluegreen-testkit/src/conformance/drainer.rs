//! What every [`Drainer`] has to hold.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Drainer, Endpoint};

use super::case::{Harness, Rule, Suite, rule};
use super::check::{ensure, same, until};
use super::lever::{Lever, pull};
use super::{Checked, Failure};

/// Endpoints with open connections, and what a harness can do to them. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    drainer: Arc<dyn Drainer>,
    endpoints: Vec<Endpoint>,
    each: u64,
    goes: Option<Lever<Endpoint>>,
    stays_mute: Option<Lever<Endpoint>>,
    patience: Duration,
}

/// For harnesses.
impl Subject {
    /// A drainer, and at least two endpoints, each with `each` connections open. Those who are asked to drain close them
    /// soon; those for whom that was taken back get them again.
    pub fn new(drainer: impl Drainer, endpoints: impl IntoIterator<Item = Endpoint>, each: u64) -> Self {
        Self {
            drainer: Arc::new(drainer),
            endpoints: endpoints.into_iter().collect(),
            each,
            goes: None,
            stays_mute: None,
            patience: Duration::from_secs(60),
        }
    }

    /// Offers to end an endpoint for good.
    #[must_use]
    pub fn goes<F>(mut self, go: impl Fn(Endpoint) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.goes = Some(Lever::new(go));
        self
    }

    /// Offers to let an endpoint that is there, with open connections, not tell how many.
    #[must_use]
    pub fn stays_mute<F>(mut self, mute: impl Fn(Endpoint) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.stays_mute = Some(Lever::new(mute));
        self
    }

    /// How long a case waits for connections to be closed; a minute by default.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// For cases.
impl Subject {
    async fn open(&self, endpoints: &[Endpoint]) -> Result<u64, Failure> {
        Ok(self.drainer.open(endpoints).await?.count)
    }

    async fn until_open(&self, endpoints: &[Endpoint], wanted: u64) -> Checked {
        let what = format!("{wanted} connections are open");
        until(what, self.patience, || self.open(endpoints), |open| *open == wanted).await?;
        Ok(())
    }

    /// What is open on all endpoints in the beginning.
    fn all(&self) -> u64 {
        self.each * self.endpoints.len() as u64
    }

    /// The first endpoint and the others.
    fn apart(&self) -> Result<(&Endpoint, &[Endpoint]), Failure> {
        match &self.endpoints[..] {
            [first, others @ ..] if !others.is_empty() && self.each > 0 => Ok((first, others)),
            _ => Err(Failure::new("the harness has to have at least two endpoints with open connections")),
        }
    }
}

/// The cases of a [`Drainer`] for the backend that `harness` makes. Nobody was asked to drain yet.
pub fn suite(name: impl Into<String>, harness: impl Harness<Subject>) -> Suite {
    Suite::new(name, harness, rules())
}

fn rules() -> Vec<Rule<Subject>> {
    vec![
        rule!(open_connections_are_counted_over_all_endpoints),
        rule!(counting_closes_nothing),
        rule!(who_is_asked_to_drain_finishes_and_nobody_else),
        rule!(asking_twice_is_asking_once),
        rule!(a_drain_is_taken_back),
        rule!(endpoints_that_are_gone_are_no_error, |subject| subject.goes.is_some()),
        rule!(an_endpoint_that_does_not_tell_is_never_zero, |subject| subject.stays_mute.is_some()),
    ]
}

/// Open connections are counted over all endpoints that were asked for, and no others.
pub async fn open_connections_are_counted_over_all_endpoints(subject: &Subject) -> Checked {
    let (first, others) = subject.apart()?;
    same("what is open on all", subject.open(&subject.endpoints).await?, subject.all())?;
    same("what is open on one", subject.open(std::slice::from_ref(first)).await?, subject.each)?;
    same("what is open on the others", subject.open(others).await?, subject.all() - subject.each)?;
    same("what is open on none", subject.open(&[]).await?, 0)
}

/// Counting closes nothing.
pub async fn counting_closes_nothing(subject: &Subject) -> Checked {
    for _ in 0..3 {
        same("what is open", subject.open(&subject.endpoints).await?, subject.all())?;
        tokio::time::sleep(super::check::MOMENT).await;
    }
    Ok(())
}

/// Those who are asked to drain finish their connections; the others keep theirs.
pub async fn who_is_asked_to_drain_finishes_and_nobody_else(subject: &Subject) -> Checked {
    let (first, others) = subject.apart()?;
    subject.drainer.begin(std::slice::from_ref(first)).await?;
    subject.until_open(std::slice::from_ref(first), 0).await?;
    same("what is open on those who weren't asked", subject.open(others).await?, subject.all() - subject.each)
}

/// Asking a second time changes nothing more, neither to drain nor to stop it; nor does asking nobody.
pub async fn asking_twice_is_asking_once(subject: &Subject) -> Checked {
    subject.drainer.begin(&[]).await?;
    subject.drainer.cancel(&subject.endpoints).await?;
    same("what is open", subject.open(&subject.endpoints).await?, subject.all())?;
    for _ in 0..2 {
        subject.drainer.begin(&subject.endpoints).await?;
    }
    subject.until_open(&subject.endpoints, 0).await?;
    subject.drainer.begin(&subject.endpoints).await?;
    same("what is open after asking again", subject.open(&subject.endpoints).await?, 0)?;
    for _ in 0..2 {
        subject.drainer.cancel(&subject.endpoints).await?;
    }
    subject.until_open(&subject.endpoints, subject.all()).await
}

/// Those for whom it is taken back serve again, also those who had finished.
pub async fn a_drain_is_taken_back(subject: &Subject) -> Checked {
    let (first, others) = subject.apart()?;
    subject.drainer.begin(&subject.endpoints).await?;
    subject.until_open(&subject.endpoints, 0).await?;
    subject.drainer.cancel(std::slice::from_ref(first)).await?;
    subject.until_open(std::slice::from_ref(first), subject.each).await?;
    same("what is open on the others", subject.open(others).await?, 0)
}

/// To ask those who are gone changes nothing, and is no error.
pub async fn endpoints_that_are_gone_are_no_error(subject: &Subject) -> Checked {
    let (first, others) = subject.apart()?;
    pull(subject.goes.as_ref(), first.clone()).await?;
    subject.drainer.begin(&subject.endpoints).await?;
    subject.until_open(others, 0).await?;
    subject.drainer.cancel(&subject.endpoints).await?;
    subject.until_open(others, subject.all() - subject.each).await
}

/// An endpoint that doesn't tell is an error, never zero.
pub async fn an_endpoint_that_does_not_tell_is_never_zero(subject: &Subject) -> Checked {
    let (first, others) = subject.apart()?;
    pull(subject.stays_mute.as_ref(), first.clone()).await?;
    for endpoints in [std::slice::from_ref(first), &subject.endpoints] {
        let open = subject.drainer.open(endpoints).await;
        ensure!(open.is_err(), "one of them doesn't tell, but what is open was counted: {open:?}");
    }
    same("what is open on those who tell", subject.open(others).await?, subject.all() - subject.each)
}
