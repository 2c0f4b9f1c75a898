//! The deploy program that other cases start, kill and stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bluegreen_core::plan::Watch;
use bluegreen_core::{FileJournal, Journal, JournalError, Log, Record, RolloutBuilder, RolloutId, Target};
use bluegreen_kube::{Cluster, ServiceRouter};
use rustix::process::{Signal, getpid, kill_process};

use crate::app::App;
use crate::program::{ERROR, Fault, JOB, Job, STOPPING};
use crate::shop::{Shop, millis, seconds};
use crate::signals::Level;
use crate::tap::tapped;

/// Does nothing unless it was started by another case.
#[tokio::test]
async fn program() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: Job = serde_json::from_str(&job).unwrap();
    let shop = Shop::attach("program", &job.namespace).await.unwrap();
    let app = App::v(job.number);
    let cluster = match job.fault {
        Some(Fault::StoppedBeforeWrite(n)) => stopping(&shop.cluster, n),
        _ => shop.cluster.clone(),
    };
    let journal = KillingJournal {
        inner: FileJournal::open(&job.journals).unwrap(),
        fault: job.fault,
        appends: AtomicU32::new(0),
    };
    let rollout = quick(&shop, &cluster, &app, journal, job.fails).build().unwrap();
    let code = match rollout.run(shop.release(&app)).await {
        Ok(outcome) => {
            println!("{}", outcome.report());
            outcome.exit_code()
        }
        Err(error) => {
            println!("{}", bluegreen_core::chain(&error));
            ERROR
        }
    };
    std::process::exit(code);
}

/// A rollout with times so short that it can be repeated for every entry of its journal.
pub(crate) fn quick(shop: &Shop, cluster: &Cluster, app: &App, journal: impl Journal, fails: bool) -> RolloutBuilder {
    let level = Level(if fails { 2.0 } else { 0.0 });
    let watch = Watch::lasting(seconds(1)).interval(millis(250)).signal(level, Level::criterion());
    let router = ServiceRouter::new(cluster, &shop.target);
    shop.rollout_with(shop.environment_on(cluster, app), router, journal)
        .settle(millis(200))
        .watch(watch)
        .drain(millis(500))
}

/// A cluster whose `n`-th write finds its program stopped right before it leaves.
fn stopping(cluster: &Cluster, n: u32) -> Cluster {
    let writes = Arc::new(AtomicU32::new(0));
    tapped(cluster, move |write| {
        if writes.fetch_add(1, Ordering::SeqCst) + 1 == n {
            println!("{STOPPING}{write}");
            kill_process(getpid(), Signal::STOP).unwrap();
            // Another thread takes the signal, and stops this one a moment later: the write must not leave before.
            std::thread::park_timeout(millis(200));
        }
    })
}

/// As `kill -9` does it.
fn die() -> ! {
    kill_process(getpid(), Signal::KILL).unwrap();
    loop {
        std::thread::park();
    }
}

/// A journal that ends its process.
#[derive(Debug)]
struct KillingJournal {
    inner: FileJournal,
    fault: Option<Fault>,
    appends: AtomicU32,
}

#[async_trait]
impl Journal for KillingJournal {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        self.inner.rollouts(target).await
    }

    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        self.inner.load(target, rollout).await
    }

    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError> {
        let count = self.appends.fetch_add(1, Ordering::SeqCst) + 1;
        if matches!(self.fault, Some(Fault::KilledBeforeAppend(n)) if n == count) {
            die();
        }
        self.inner.append(target, rollout, position, records).await?;
        if matches!(self.fault, Some(Fault::KilledAfterAppend(n)) if n == count) {
            die();
        }
        Ok(())
    }
}
