//! Environments that are wrong in one way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Description, Diagnosis, Environment, EnvironmentCapabilities, Fence,
    Preflight, Release, Scale, Seal, Snapshot, Stamp,
};
use bluegreen_testkit::conformance::environment::{Subject, suite};
use bluegreen_testkit::{World, WorldEnvironment};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::proof::{Row, prove};
use crate::world::environment as world;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    AbsentIsUnsettled,
    LeavesAnotherStamp,
    CountsWhatIsNotReady,
    ReplacesWhatIsThere,
    CountsTheEarlierRelease,
    NeverGoesToZero,
    TouchesBothColors,
    KeepsTheVersion,
    WaitsForReadiness,
    UsesIdentitiesAgain,
    ForgetsTheCleanupMark,
    CreatesOverWhatExists,
    TestsBeforeItWrites,
    IgnoresTheStamp,
    IgnoresTheVersion,
    RestartsWhenSealed,
    TestsNoStampWhereNoneWasRead,
    ScalesWhatIsNotThere,
    WritesInTwoSteps,
    CreatesWhatIsGone,
    TellsAForeignReleaseAsItsOwn,
    TakesOver,
    NeverTakesOver,
    LeavesATraceWhenRead,
    ReadsFromACache,
    WatchesChangesOnly,
    WatchesTheBeginningOnly,
    OverlooksPodsInWatches,
    NeverSaysWhy,
    DescribesWhatItDid,
    RestoresWithoutReplicas,
    HidesItsSnapshots,
    PinsEveryTime,
}

const TABLE: &[Row<Wrong>] = &[
    (Wrong::AbsentIsUnsettled, &["a_color_that_was_never_deployed_is_absent"]),
    (Wrong::LeavesAnotherStamp, &["a_deploy_makes_the_color_in_one_write"]),
    (Wrong::CountsWhatIsNotReady, &["a_deployed_release_gets_ready"]),
    (Wrong::ReplacesWhatIsThere, &["deploying_what_is_there_keeps_what_runs"]),
    (Wrong::CountsTheEarlierRelease, &["another_release_replaces_every_endpoint"]),
    (Wrong::NeverGoesToZero, &["a_color_goes_to_zero_and_comes_back"]),
    (Wrong::TouchesBothColors, &["a_color_changes_without_the_other"]),
    (Wrong::KeepsTheVersion, &["every_change_has_a_new_version"]),
    (Wrong::WaitsForReadiness, &["a_deploy_does_not_wait_for_readiness"]),
    (Wrong::UsesIdentitiesAgain, &["what_is_lost_comes_back_under_new_identities"]),
    (Wrong::ForgetsTheCleanupMark, &["scaling_sets_and_clears_when_a_color_may_be_removed"]),
    (Wrong::CreatesOverWhatExists, &["who_creates_what_exists_by_now_meets_a_conflict"]),
    (
        Wrong::TestsBeforeItWrites,
        &["one_of_two_creations_at_once_wins", "one_of_two_deploys_at_once_wins", "one_of_two_scales_at_once_wins"],
    ),
    (Wrong::IgnoresTheStamp, &["an_older_stamp_is_a_conflict"]),
    (Wrong::IgnoresTheVersion, &["an_older_version_is_a_conflict"]),
    (Wrong::RestartsWhenSealed, &["a_seal_changes_nothing_but_the_stamp"]),
    (Wrong::TestsNoStampWhereNoneWasRead, &["a_stamp_that_was_not_read_can_not_be_tested"]),
    (Wrong::ScalesWhatIsNotThere, &["what_is_not_there_is_neither_scaled_nor_sealed"]),
    (Wrong::WritesInTwoSteps, &["a_dropped_write_is_done_whole_or_not_at_all"]),
    (Wrong::CreatesWhatIsGone, &["a_deleted_color_is_a_conflict"]),
    (Wrong::TellsAForeignReleaseAsItsOwn, &["a_foreign_edit_is_told_and_moves_the_version"]),
    (Wrong::TakesOver, &["a_foreign_color_is_not_taken_over"]),
    (Wrong::NeverTakesOver, &["a_foreign_color_is_taken_over_if_told_to"]),
    (Wrong::LeavesATraceWhenRead, &["reading_changes_nothing"]),
    (Wrong::ReadsFromACache, &["a_write_of_another_process_is_read_at_once"]),
    (Wrong::WatchesChangesOnly, &["a_watch_begins_with_the_present"]),
    (Wrong::WatchesTheBeginningOnly, &["a_watch_tells_what_changes"]),
    (Wrong::OverlooksPodsInWatches, &["a_watch_tells_what_is_lost"]),
    (Wrong::NeverSaysWhy, &["what_never_gets_ready_says_why"]),
    (Wrong::DescribesWhatItDid, &["it_describes_itself_the_same_way_every_time"]),
    (Wrong::RestoresWithoutReplicas, &["a_snapshot_is_restored_exactly"]),
    (Wrong::HidesItsSnapshots, &["snapshots_that_do_not_work_say_so"]),
    (
        Wrong::PinsEveryTime,
        &["an_autoscaler_is_pinned_once_and_given_back", "there_is_nothing_to_pin_without_an_autoscaler"],
    ),
];

#[tokio::test(start_paused = true)]
async fn every_case_of_an_environment_can_fail() {
    let wrong = |wrong| suite("wrong", move || std::future::ready(Ok(subject(wrong))));
    prove(vec![suite("right", world::subject)], wrong, TABLE).await;
}

fn subject(wrong: Wrong) -> Subject {
    let world = world::world();
    let environment = WrongEnvironment {
        wrong,
        inner: world.environment(),
        world: world.clone(),
        writes: Arc::default(),
        seen: Arc::default(),
        deployed: Arc::default(),
    };
    let subject = match wrong {
        // The other process has a cache of its own.
        Wrong::ReadsFromACache => world::around(&world, environment, world.environment()),
        _ => world::around(&world, environment.clone(), environment),
    };
    if wrong == Wrong::TakesOver { subject } else { subject.adopts() }
}

#[derive(Debug, Clone)]
struct WrongEnvironment {
    wrong: Wrong,
    inner: WorldEnvironment,
    world: World,
    writes: Arc<AtomicU64>,
    /// What was seen last, for those who keep it.
    seen: Arc<Mutex<Option<ColorObservation>>>,
    /// What was deployed last, for those who keep it.
    deployed: Arc<Mutex<Option<Release>>>,
}

impl WrongEnvironment {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    /// What this backend takes for the state that a write expects.
    fn expectation(&self, expect: &ColorObservation, fence: Fence) -> ColorObservation {
        let now = self.world.color(expect.color);
        let forgets = match self.wrong {
            Wrong::CreatesOverWhatExists => !expect.exists,
            Wrong::IgnoresTheStamp => expect.exists && fence == Fence::Stamp && expect.stamp.is_some(),
            Wrong::IgnoresTheVersion | Wrong::KeepsTheVersion => expect.exists && fence == Fence::Version,
            Wrong::TestsNoStampWhereNoneWasRead => expect.exists && fence == Fence::Stamp && expect.stamp.is_none(),
            Wrong::CreatesWhatIsGone => expect.exists && !now.exists,
            _ => false,
        };
        if forgets { now } else { expect.clone() }
    }

    /// Reads, tests, and only then writes whatever is there by then.
    async fn tested(&self, expect: &ColorObservation, fence: Fence) -> ColorObservation {
        let expected = self.expectation(expect, fence);
        let now = self.world.color(expect.color);
        if !self.is(Wrong::TestsBeforeItWrites) || (&now.version, &now.stamp) != (&expected.version, &expected.stamp) {
            return expected;
        }
        tokio::task::yield_now().await;
        self.world.color(expect.color)
    }

    /// What this backend tells of what it sees.
    fn told(&self, mut seen: ColorObservation) -> ColorObservation {
        match self.wrong {
            Wrong::AbsentIsUnsettled if !seen.exists => seen.settled = false,
            Wrong::CountsWhatIsNotReady => seen.ready = seen.desired,
            Wrong::KeepsTheVersion if seen.exists => "1".clone_into(&mut seen.version),
            Wrong::UsesIdentitiesAgain => {
                let members: Vec<_> = seen.members.iter().cloned().collect();
                let number = |id: &str| members.iter().position(|member| member.id == id).unwrap_or_default();
                let again = |mut endpoint: bluegreen_core::Endpoint| {
                    endpoint.id = format!("pod-{}", number(&endpoint.id));
                    endpoint
                };
                seen.endpoints = seen.endpoints.into_iter().map(again).collect();
                seen.members = seen.members.into_iter().map(again).collect();
            }
            Wrong::TellsAForeignReleaseAsItsOwn if seen.exists => {
                seen.release = self.deployed.lock().unwrap_or_else(PoisonError::into_inner).clone();
            }
            Wrong::NeverSaysWhy => seen.obstacles.clear(),
            _ => {}
        }
        seen
    }

    fn cache(&self) -> Option<ColorObservation> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, seen: Option<&ColorObservation>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen.cloned();
    }
}

#[async_trait]
impl Environment for WrongEnvironment {
    fn describe(&self) -> Description {
        let described = self.inner.describe();
        match self.wrong {
            Wrong::DescribesWhatItDid => described.with("writes", self.writes.load(Ordering::Relaxed)),
            _ => described,
        }
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.inner.preflights()
    }

    fn capabilities(&self) -> EnvironmentCapabilities {
        let can = self.inner.capabilities();
        can.with_snapshot(can.snapshot && !self.is(Wrong::HidesItsSnapshots))
    }

    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        if self.is(Wrong::ReadsFromACache)
            && let Some(seen) =
                self.cache().filter(|seen| seen.color == color && seen.exists && seen.ready == seen.desired)
        {
            return Ok(seen);
        }
        let seen = self.told(self.inner.observe(color).await?);
        self.keep(Some(&seen));
        Ok(seen)
    }

    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        let watch = self.inner.watch(color);
        match self.wrong {
            Wrong::WatchesChangesOnly => watch.skip(1).boxed(),
            Wrong::WatchesTheBeginningOnly => watch.take(1).chain(stream::pending()).boxed(),
            Wrong::OverlooksPodsInWatches => {
                let mut last = None;
                let changed = move |seen: &Result<ColorObservation, BackendError>| {
                    let stamp = seen.as_ref().ok().map(|seen| seen.stamp.clone());
                    std::future::ready(last.replace(stamp.clone()) != Some(stamp))
                };
                watch.filter(changed).boxed()
            }
            _ => watch,
        }
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let color = deploy.expect.color;
        let before = self.world.color(color);
        if self.is(Wrong::NeverTakesOver) && before.exists && before.release.is_none() {
            let message = "somebody else changed it".to_owned();
            return Err(BackendError::Unusable { object: before.object, message });
        }
        let expect = &self.tested(deploy.expect, deploy.fence).await;
        let another = Stamp { epoch: 0, ..deploy.stamp.clone() };
        let stamp = match self.wrong {
            Wrong::LeavesAnotherStamp | Wrong::WritesInTwoSteps => &another,
            _ => deploy.stamp,
        };
        let mut seen = self.inner.deploy(Deploy { expect, stamp, ..deploy }).await?;
        *self.deployed.lock().unwrap_or_else(PoisonError::into_inner) = Some(deploy.release.clone());
        match self.wrong {
            Wrong::ReplacesWhatIsThere => self.world.kill_pods(color),
            Wrong::CountsTheEarlierRelease => seen.endpoints.extend(before.endpoints),
            Wrong::TouchesBothColors => self.world.kill_pods(color.other()),
            Wrong::WaitsForReadiness => {
                while self.world.color(color).ready < deploy.replicas {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
            Wrong::WritesInTwoSteps => {
                tokio::task::yield_now().await;
                let seal = Seal { expect: &seen, fence: Fence::Stamp, stamp: deploy.stamp };
                seen = self.inner.seal(seal).await?;
            }
            _ => {}
        }
        let seen = self.told(seen);
        self.keep(Some(&seen));
        Ok(seen)
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let expect = &self.tested(scale.expect, scale.fence).await;
        let made_up = Release::version("made up");
        if !expect.exists && (self.is(Wrong::ScalesWhatIsNotThere) || self.is(Wrong::CreatesWhatIsGone)) {
            let Scale { stamp, fence, replicas, .. } = scale;
            return self
                .inner
                .deploy(Deploy { expect, fence, stamp, release: &made_up, replicas: replicas.max(1) })
                .await;
        }
        let cleanup_after = scale.cleanup_after.filter(|_| !self.is(Wrong::ForgetsTheCleanupMark));
        let replicas = if self.is(Wrong::NeverGoesToZero) { scale.replicas.max(1) } else { scale.replicas };
        let seen = self.told(self.inner.scale(Scale { expect, replicas, cleanup_after, ..scale }).await?);
        self.keep(Some(&seen));
        Ok(seen)
    }

    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let expect = &self.expectation(seal.expect, seal.fence);
        let seen = self.inner.seal(Seal { expect, ..seal }).await?;
        if self.is(Wrong::RestartsWhenSealed) {
            self.world.kill_pods(seen.color);
        }
        Ok(self.told(seen))
    }

    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        let wrote = self.inner.pin_capacity(color, minimum).await?;
        Ok(wrote || self.is(Wrong::PinsEveryTime))
    }

    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        self.inner.snapshot(color).await
    }

    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        self.inner.restore(snapshot).await?;
        if self.is(Wrong::RestoresWithoutReplicas) {
            self.world.scale(snapshot.color, 1);
        }
        Ok(())
    }

    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        if self.is(Wrong::LeavesATraceWhenRead) {
            self.world.scale(color, self.world.color(color).desired);
        }
        self.inner.diagnose(color).await
    }
}
