//! Drainers that are wrong in one way.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, Drainer, Endpoint, OpenConnections};
use bluegreen_testkit::conformance::drainer::{Subject, suite};
use bluegreen_testkit::{World, WorldDrainer};

use crate::proof::{Row, prove};
use crate::world::drainer as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    CountsTheFirstOnly,
    DrainsWhenItCounts,
    DrainsEverybody,
    TakesBackWhenAskedAgain,
    NeverTakesBack,
    MissesThoseWhoAreGone,
    TakesSilenceForZero,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::CountsTheFirstOnly, &["open_connections_are_counted_over_all_endpoints"]),
    (Wrong::DrainsWhenItCounts, &["counting_closes_nothing"]),
    (Wrong::DrainsEverybody, &["who_is_asked_to_drain_finishes_and_nobody_else"]),
    (Wrong::TakesBackWhenAskedAgain, &["asking_twice_is_asking_once"]),
    (Wrong::NeverTakesBack, &["a_drain_is_taken_back"]),
    (Wrong::MissesThoseWhoAreGone, &["endpoints_that_are_gone_are_no_error"]),
    (Wrong::TakesSilenceForZero, &["an_endpoint_that_does_not_tell_is_never_zero"]),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_a_drainer_can_fail() {
    let wrong = |wrong| suite("wrong", move || subject(wrong));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

async fn subject(wrong: Wrong) -> Result<Subject, bluegreen_testkit::conformance::Failure> {
    let world = world::world().await;
    let drainer = WrongDrainer { wrong, inner: world.drainer(), world: world.clone(), begun: AtomicBool::new(false) };
    Ok(world::around(&world, drainer))
}

#[derive(Debug)]
struct WrongDrainer {
    wrong: Wrong,
    inner: WorldDrainer,
    world: World,
    begun: AtomicBool,
}

impl WrongDrainer {
    fn everybody(&self) -> Vec<Endpoint> {
        Color::ALL.into_iter().flat_map(|color| self.world.color(color).members).collect()
    }
}

#[async_trait]
impl Drainer for WrongDrainer {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        let everybody = self.everybody();
        let gone = endpoints.iter().find(|endpoint| !everybody.contains(endpoint));
        match (self.wrong, gone) {
            (Wrong::MissesThoseWhoAreGone, Some(gone)) => Err(BackendError::Unavailable {
                action: "drain".to_owned(),
                object: gone.name.clone(),
                source: "nobody answers".into(),
            }),
            (Wrong::DrainsEverybody, _) => self.inner.begin(&everybody).await,
            (Wrong::TakesBackWhenAskedAgain, _)
                if !endpoints.is_empty() && self.begun.fetch_xor(true, Ordering::Relaxed) =>
            {
                self.inner.cancel(endpoints).await
            }
            _ => self.inner.begin(endpoints).await,
        }
    }

    async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        match self.wrong {
            Wrong::NeverTakesBack => Ok(()),
            _ => self.inner.cancel(endpoints).await,
        }
    }

    async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError> {
        let asked = match self.wrong {
            Wrong::CountsTheFirstOnly => &endpoints[..endpoints.len().min(1)],
            _ => endpoints,
        };
        let open = self.inner.open(asked).await;
        match self.wrong {
            Wrong::DrainsWhenItCounts => self.inner.begin(endpoints).await?,
            Wrong::TakesSilenceForZero => return Ok(open.unwrap_or(OpenConnections { count: 0 })),
            _ => {}
        }
        open
    }
}
