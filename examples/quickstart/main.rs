//! Two blue-green rollouts of a small shop, all in this process: `cargo run --example quickstart`.
//!
//! Read it from here: [`main`] puts together what every program that uses bluegreen has, and performs the rollouts. The
//! rest is what it is told about this small world, and how one writes backends of one's own:
//!
//! - `environment`, `deployment`, `pods`: the two colors, as an [`Environment`](bluegreen_core::Environment);
//! - `router`, `proxy`: the route, as a [`TrafficRouter`](bluegreen_core::TrafficRouter), and the data plane behind it;
//! - `drainer`: open connections, as a [`Drainer`](bluegreen_core::Drainer);
//! - `app`, `clients`, `tally`: what is rolled out, and users who count every request;
//! - `show`, `screen`, `words`: the terminal.

mod app;
mod args;
mod clients;
mod deployment;
mod drainer;
mod environment;
mod http;
mod object;
mod pods;
mod proxy;
mod router;
mod screen;
mod show;
mod tally;
mod words;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::http::HttpProbe;
use bluegreen_core::plan::{Guard, Watch};
use bluegreen_core::{Color, MemoryJournal, Outcome, Release, Rollout, Target, chain};
use clap::Parser as _;

use crate::args::Args;
use crate::clients::Clients;
use crate::drainer::LocalDrainer;
use crate::environment::{Bug, LocalEnvironment};
use crate::object::Object;
use crate::proxy::Proxy;
use crate::router::{LocalRouter, Route};
use crate::screen::Screen;
use crate::show::Show;
use crate::tally::Tally;

/// How many pods the shop has before the first rollout; bluegreen gives each release as many as were ready before.
const REPLICAS: u32 = 3;

/// Everything that can go wrong here ends the program, with a sentence.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let ended = tokio::select! {
        ended = run(&args) => ended,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\n{INTERRUPTED}");
            return ExitCode::from(130);
        }
    };
    ended.unwrap_or_else(|error| {
        eprintln!("quickstart: {}", chain(&*error));
        ExitCode::FAILURE
    })
}

const INTERRUPTED: &str = "\
interrupted: the rollout stopped where it was, and nothing was undone. In a real system users would go on being served
as they were; started again with the same `FileJournal`, the program would call `recover()` and go on from its last entry.";

async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let [v1, v2, v3] = ["v1", "v2", "v3"].map(Release::version);

    // The shop as it is before anybody uses bluegreen: v1 in blue, a route to blue, and users.
    let environment = LocalEnvironment::new(Bug { release: v3.clone(), after: args.fail_after() });
    environment.deploy_by_hand(Color::Blue, &v1, REPLICAS).await?;
    let route = Object::new(Route::new(Color::Blue));
    let proxy = Proxy::start(&route, environment.colors())?;
    let tally = Arc::new(Tally::default());
    let clients = Clients::start(proxy.addresses().production, args.rate, &tally);

    // All that bluegreen has to know.
    let rollout = Rollout::builder(&Target::new("quickstart", "shop"))
        .environment(environment.clone())
        .router(LocalRouter::new(route.clone(), proxy.addresses().clone()))
        .drainer(LocalDrainer::new(environment.colors()))
        .journal(MemoryJournal::new())
        .smoke(health().successes(3).every(Duration::from_millis(100)))
        .settle(Duration::from_secs(1))
        .watch(
            Watch::lasting(args.watch())
                .interval(Duration::from_millis(500))
                .probe(health(), 3)
                .guard(Guard::default()),
        )
        .drain(Duration::from_secs(10))
        .build()?;

    let mut show =
        Show { screen: Screen::new(args.json), colors: environment.colors().clone(), route, tally, waiting: None };
    show.title("A shop in this process: v1 serves from blue, clients order all the time.")?;
    show.title("Rollout 1 of 2: v2, a good release")?;
    let first = show.rollout(rollout.start(v2).await?).await?;
    show.title("Rollout 2 of 2: v3, which will fail once it has users")?;
    let second = show.rollout(rollout.start(v3).await?).await?;

    clients.finish().await;
    show.report(&first)?;
    show.report(&second)?;
    show.sum_up()?;
    Ok(exit_code(&show, [&first, &second]))
}

/// Asks for `/health`. The deadline leaves time for a few tries only: in the watch, where a try is made every second,
/// for a single one, so that each sample is a fact of its own and a later good answer can't hide a bad one.
fn health() -> HttpProbe {
    HttpProbe::get("/health").deadline(Duration::from_millis(500))
}

/// Success if each rollout ended as one of them should, and nobody lost a request.
fn exit_code(show: &Show, outcomes: [&Outcome; 2]) -> ExitCode {
    let ended = outcomes.iter().all(|outcome| outcome.is_promoted() || outcome.is_rolled_back());
    if ended && show.tally.counts().lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
