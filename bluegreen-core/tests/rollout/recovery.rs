//! A program dies, at every point there is, and another goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bluegreen_core::plan::{Capacity, Watch};
use bluegreen_core::{Color, Journal, JournalError, Log, Outcome, Record, Release, RolloutId, RunError, Target};
use bluegreen_testkit::{Behavior, World, WorldJournal};
use tokio::sync::Notify;

use crate::support::{minutes, plain, run};

/// A journal whose program dies at the n-th append: right before it, or right after it was durable.
#[derive(Debug, Clone)]
struct Deadly {
    inner: WorldJournal,
    appends: Arc<AtomicU64>,
    dies_at: u64,
    durable: bool,
    died: Arc<Notify>,
}

impl Deadly {
    fn new(world: &World, dies_at: u64, durable: bool) -> Self {
        Self { inner: world.journal(), appends: Arc::default(), dies_at, durable, died: Arc::default() }
    }
}

#[async_trait]
impl Journal for Deadly {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        self.inner.rollouts(target).await
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        self.inner.load(target, rollout).await
    }

    async fn append(&self, target: &Target, id: &RolloutId, at: u64, records: &[Record]) -> Result<(), JournalError> {
        let dies = self.appends.fetch_add(1, Ordering::Relaxed) + 1 == self.dies_at;
        if !dies || self.durable {
            self.inner.append(target, id, at, records).await?;
        }
        if dies {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Runs a rollout whose program dies at its n-th append, and recovers it. `None` when it ended before.
async fn die_and_recover(world: &World, dies_at: u64, durable: bool) -> Option<Outcome> {
    let journal = Deadly::new(world, dies_at, durable);
    let died = Arc::clone(&journal.died);
    let handle = plain(world).journal(journal).build().unwrap().start(Release::version("v3")).await.unwrap();
    let ended = tokio::select! {
        () = died.notified() => false,
        _ = handle.wait() => true,
    };
    if ended {
        return None;
    }
    let rollout = plain(world).build().unwrap();
    match rollout.recover().await {
        Ok(handle) => Some(handle.wait().await.unwrap()),
        // It died before anything was durable; nothing was touched.
        Err(RunError::NothingOpen { .. }) => Some(rollout.run(Release::version("v3")).await.unwrap()),
        Err(error) => panic!("append {dies_at}: {error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_recovered_from_every_append() {
    for durable in [true, false] {
        for dies_at in 1.. {
            let world = World::builder().build();
            let _ = run(plain(&world), "v2").await;
            let Some(outcome) = die_and_recover(&world, dies_at, durable).await else {
                assert!(dies_at > 6, "there are more appends than {dies_at}");
                break;
            };
            let what = format!("append {dies_at}, durable {durable}: {}", outcome.report());
            assert!(outcome.is_success(), "{what}");
            assert_eq!(world.route().active(), Some(Color::Blue), "{what}");
            assert_eq!(world.color(Color::Green).desired, 0, "{what}");
            assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_recovered_from_every_append() {
    for durable in [true, false] {
        for dies_at in 1.. {
            let world = World::builder().build();
            let _ = run(plain(&world), "v2").await;
            world.behaves("v3", Behavior::failing(1.0).from(minutes(1)));
            let journal = Deadly::new(&world, dies_at, durable);
            let died = Arc::clone(&journal.died);
            let watched = || {
                let watch = Watch::lasting(minutes(5)).probe(world.probe("live"), 2);
                plain(&world).watch(watch)
            };
            let handle = watched().journal(journal).build().unwrap().start(Release::version("v3")).await.unwrap();
            tokio::select! {
                () = died.notified() => {}
                _ = handle.wait() => break,
            }
            let outcome = match watched().build().unwrap().recover().await {
                Ok(handle) => handle.wait().await.unwrap(),
                Err(RunError::NothingOpen { .. }) => continue,
                Err(error) => panic!("append {dies_at}: {error}"),
            };
            let what = format!("append {dies_at}, durable {durable}: {}", outcome.report());
            assert!(outcome.is_rolled_back(), "{what}");
            assert_eq!(world.route().active(), Some(Color::Green), "{what}");
            assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_recovery_under_another_plan_names_what_differs() {
    let world = World::builder().build();
    let journal = Deadly::new(&world, 3, true);
    let died = Arc::clone(&journal.died);
    let handle = plain(&world).journal(journal).build().unwrap().start(Release::version("v3")).await.unwrap();
    died.notified().await;
    drop(handle);
    let other = plain(&world).capacity(Capacity::Exactly(7)).build().unwrap();
    let Err(RunError::PlanDiffers { differences, .. }) = other.recover().await else { panic!("it was accepted") };
    assert_eq!(differences, ["/capacity: {\"exactly\":7} here, \"match_active\" in the journal"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_a_gap_is_confirmed_and_its_deadline_does_not_move() {
    let world = World::builder().build();
    let _ = run(plain(&world), "v2").await;
    let mut handle = plain(&world).build().unwrap().start(Release::version("v3")).await.unwrap();
    let mut events = handle.events();
    use futures_util::StreamExt;
    while let Some(update) = events.next().await {
        if format!("{update:?}").contains("check: Settled") {
            break;
        }
    }
    drop((events, handle));
    tokio::time::sleep(minutes(60)).await;
    let before = world.elapsed();
    let outcome = plain(&world).build().unwrap().recover().await.unwrap().wait().await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert!(world.elapsed() - before < minutes(3), "the watch began anew");
    let records = crate::support::records(&world).await;
    assert!(records.iter().any(|record| format!("{:?}", record.event).starts_with("Confirming")));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_goes_on_without_its_journal() {
    #[derive(Debug)]
    struct Full(WorldJournal, Arc<AtomicU64>);
    #[async_trait]
    impl Journal for Full {
        async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
            self.0.rollouts(target).await
        }
        async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
            self.0.load(target, rollout).await
        }
        async fn append(
            &self,
            target: &Target,
            id: &RolloutId,
            at: u64,
            records: &[Record],
        ) -> Result<(), JournalError> {
            if self.1.load(Ordering::Relaxed) == 1
                && records.iter().any(|record| format!("{:?}", record.event).contains("Decided"))
            {
                self.1.store(2, Ordering::Relaxed);
            }
            if self.1.load(Ordering::Relaxed) == 2 {
                let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
                return Err(JournalError::Io { journal: "full".into(), action: "written", source: Box::new(source) });
            }
            self.0.append(target, id, at, records).await
        }
    }
    let world = World::builder().build();
    world.behaves("v2", Behavior::unready_after(minutes(1)));
    let full = Full(world.journal(), Arc::new(AtomicU64::new(1)));
    let result = plain(&world).journal(full).build().unwrap().run(Release::version("v2")).await;
    assert!(matches!(result, Err(RunError::Journal(_))), "{result:?}");
    assert_eq!(world.route().active(), Some(Color::Blue), "traffic is back all the same");
}
