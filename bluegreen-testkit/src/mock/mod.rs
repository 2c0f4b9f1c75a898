//! `mockall` doubles of every trait, for tests that say how single calls are answered.
//!
//! # The order rule
//!
//! A mock answers with the *first* expectation that matches and isn't used up, in the order in which they were declared.
//! So declare what is different about the test first, and end with `over`: it appends, as the last of all, expectations
//! that let a well-behaved backend answer everything else. A test states only what differs.
//!
//! ```
//! use bluegreen_core::{BackendError, Release, Rollout, Target};
//! use bluegreen_testkit::World;
//! use bluegreen_testkit::mock::{MockEnvironment, pass};
//! # use std::time::Duration;
//! # use bluegreen_core::plan::Watch;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let world = World::builder().build();
//! let mut environment = MockEnvironment::new();
//! environment.expect_scale().times(2).returning(|_| Err(pass()));
//! environment.expect_scale().times(1).returning(|scale| {
//!     let (action, object) = ("scale".to_owned(), scale.expect.object.clone());
//!     Err(BackendError::Unavailable { action, object, source: "the API server is restarting".into() })
//! });
//! let environment = environment.over(world.environment());
//!
//! let rollout = Rollout::builder(&Target::new("shop", "checkout"))
//!     .environment(environment.clone())
//!     .router(world.router())
//!     .journal(world.journal())
//!     .clock(world.clock())
//!     .watch(Watch::lasting(Duration::from_secs(60)))
//!     .build()?;
//!
//! // Each rollout scales the old color down once it is proven. The third has to try twice.
//! for version in ["v2", "v3", "v4"] {
//!     let outcome = rollout.run(Release::version(version)).await?;
//!     assert!(outcome.is_promoted(), "{}", outcome.report());
//! }
//! environment.checkpoint();
//! # Ok(())
//! # }
//! ```
//!
//! Two things follow from the rule. `times(2)` is when a mock steps aside: a third call is answered by what was declared
//! after it, in the end by the backend. And `never()` steps aside at once. To forbid a call, let its expectation panic:
//! `returning(|_| panic!("nothing is restored here"))`.
//!
//! # What `over` gives
//!
//! An [`Over`]: a backend for the rollout, whose clones share the mock. Keep one, and end the test with
//! [`checkpoint`](Over::checkpoint). It panics in the test if an expectation wasn't met, if one panicked, or if calls came
//! in another order than their [`Sequence`] says. (A rollout may call and drop a mock in tasks of its own, where a panic
//! fails no test.)
//!
//! `over` takes any backend: one of a [`World`](crate::World), a [fake](crate::fake), or your own, whose calls can be
//! watched like this. An expectation that returns `Err(`[`pass`]`())` lets the backend do the call, and has counted it:
//!
//! ```
//! # use bluegreen_core::{Release, Rollout, Target};
//! # use bluegreen_testkit::World;
//! use bluegreen_testkit::mock::{MockEnvironment, MockTrafficRouter, Sequence, pass};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let world = World::builder().build();
//! let mut order = Sequence::new();
//! let mut environment = MockEnvironment::new();
//! let mut router = MockTrafficRouter::new();
//! environment.expect_deploy().times(1).in_sequence(&mut order).returning(|_| Err(pass()));
//! router.expect_converge().times(1).in_sequence(&mut order).returning(|_, _| Err(pass()));
//! let (environment, router) = (environment.over(world.environment()), router.over(world.router()));
//! # let rollout = Rollout::builder(&Target::new("shop", "checkout"))
//! #     .environment(environment.clone()).router(router.clone()).journal(world.journal()).clock(world.clock()).build()?;
//! # rollout.run(Release::version("v2")).await?;
//!
//! // … a rollout …
//!
//! environment.checkpoint();
//! router.checkpoint();
//! # Ok(())
//! # }
//! ```
//!
//! A mock without `over` is strict: a call that nothing was declared for panics. That suits a test of your own code around
//! a trait; a rollout makes more calls than anyone wants to list.
//!
//! Answers of mocks come at once. For calls that hang, are slow or land late, use the faults of a
//! [`World`](crate::World::fail_next).

mod clock;
mod drainer;
mod entropy;
mod environment;
mod error_signal;
mod gate;
mod health_probe;
mod journal;
mod migration_runner;
mod observer;
mod over;
mod preflight;
mod traffic_router;

pub use mockall::{Sequence, predicate};

pub use self::clock::MockClock;
pub use self::drainer::MockDrainer;
pub use self::entropy::MockEntropy;
pub use self::environment::MockEnvironment;
pub use self::error_signal::MockErrorSignal;
pub use self::gate::MockGate;
pub use self::health_probe::MockHealthProbe;
pub use self::journal::MockJournal;
pub use self::migration_runner::MockMigrationRunner;
pub use self::observer::MockObserver;
pub use self::over::{Over, pass};
pub use self::preflight::MockPreflight;
pub use self::traffic_router::MockTrafficRouter;
