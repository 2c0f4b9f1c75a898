//! A deploy program of one's own: blue-green rollouts of a Kubernetes service, with a journal in a folder.
//!
//! ```sh
//! deploy run --service checkout --image registry.example/checkout:1.4.2 --smoke /health
//! ```

mod args;
mod output;

use std::error::Error;
use std::fs::read_to_string;
use std::process::ExitCode;

use bluegreen_core::http::HttpProbe;
use bluegreen_core::plan::{Capacity, PlanSpec, Watch};
use bluegreen_core::{Event, FileJournal, Handle, Journal, Release, Rollout, Target, chain};
use bluegreen_kube::{Cluster, DeploymentEnvironment, ServiceRouter};
use clap::Parser;
use futures_util::StreamExt;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command};
use crate::output::{print, tell};

type Failure = Box<dyn Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    deploy(Args::parse()).await.map_or_else(
        |error| {
            eprintln!("error: {}", chain(&*error));
            ExitCode::FAILURE
        },
        |code| u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
    )
}

async fn deploy(mut args: Args) -> Result<i32> {
    let target = Target::new(&args.namespace, &args.service);
    let journal = FileJournal::open(&args.journal)?;
    if !matches!(args.command, Command::Run | Command::Plan)
        && let Some(plan) = last_plan(&journal, &target).await?
    {
        args.take_settings(&plan);
    }
    let (rollout, release) = (rollout(&args, &target, journal).await?, Release::image(&args.image));
    let handle = match args.command {
        Command::Run => rollout.start(release).await?,
        Command::Recover => rollout.recover().await?,
        Command::RollBack => rollout.roll_back(&args.reason).await?,
        Command::Plan => {
            print(&rollout.plan(&release).await?, args.json)?;
            return Ok(output::findings(&rollout.check(&release).await?));
        }
        Command::Status => {
            print(&rollout.status().await?, args.json)?;
            return Ok(0);
        }
    };
    follow(handle, &args).await
}

async fn rollout(args: &Args, target: &Target, journal: FileJournal) -> Result<Rollout> {
    let cluster = Cluster::infer().await?;
    let mut environment = match &args.manifest {
        Some(file) => {
            let yaml = read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            DeploymentEnvironment::from_yaml(&cluster, target, &yaml)?
        }
        None => DeploymentEnvironment::cloning_active(&cluster, target),
    };
    if args.adopt {
        environment = environment.adopt_existing();
    }
    let mut router = ServiceRouter::new(&cluster, target);
    let mut watch = Watch::lasting(args.watch);
    let mut builder = Rollout::builder(target).journal(journal).settle(args.settle).drain(args.drain);
    if let Some(path) = &args.smoke {
        router = router.preview();
        builder = builder.smoke(HttpProbe::get(path).successes(3));
        watch = watch.probe(HttpProbe::get(path), 3);
    }
    if let Some(replicas) = args.capacity {
        builder = builder.capacity(Capacity::Exactly(replicas));
    }
    Ok(builder.environment(environment).router(router).watch(watch).build()?)
}

/// The plan of the last rollout in the journal.
async fn last_plan(journal: &FileJournal, target: &Target) -> Result<Option<PlanSpec>> {
    let Some(rollout) = journal.rollouts(target).await?.pop() else { return Ok(None) };
    let first = journal.load(target, &rollout).await?.records.into_iter().next();
    Ok(first.and_then(|first| if let Event::Started(started) = first.event { Some(started.plan) } else { None }))
}

/// Tells what goes on until the end, or until somebody presses Ctrl-C.
async fn follow(mut handle: Handle, args: &Args) -> Result<i32> {
    let mut updates = handle.events();
    let tell = async {
        while let Some(update) = updates.next().await {
            tell(&update, args.json)?;
        }
        Ok::<_, Failure>(())
    };
    tokio::select! {
        (outcome, told) = async { tokio::join!(handle.wait(), tell) } => {
            told?;
            let outcome = outcome?;
            print(outcome.report(), args.json)?;
            let as_asked = args.command == Command::RollBack && outcome.is_rolled_back();
            Ok(if as_asked { 0 } else { outcome.exit_code() })
        }
        // This drops the handle, and with it the rollout, wherever it is.
        _ = tokio::signal::ctrl_c() => {
            eprintln!("stopped half-way; what serves goes on serving. Now `recover`, or `roll-back`");
            Ok(130)
        }
    }
}
