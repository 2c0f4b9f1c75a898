//! Probes and a drainer, with servers for them to ask.

#[path = "../http/server.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "made for the tests beside it, which use all of it")]
mod server;

mod draining;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::http::{HttpDrain, HttpProbe, TcpProbe};
use bluegreen_core::{Endpoint, ProbeTarget};
use bluegreen_testkit::conformance::health_probe::{self, Answers};
use bluegreen_testkit::conformance::{Failure, drainer};

use self::draining::Application;
use self::server::{Reply, Server, answer, deserted, target};

/// How long a probe has for a check.
const DEADLINE: Duration = Duration::from_millis(500);

pub(crate) async fn http_probe() -> Result<health_probe::Subject, Failure> {
    let good = Server::replying([answer(200, "", "fine")]).await;
    let elsewhere = format!("location: http://{}/\r\n", good.address);
    let places = [
        (Answers::Badly, Server::replying([answer(500, "", "boom")]).await),
        (Answers::ElsewhereInstead, Server::replying([answer(302, &elsewhere, "")]).await),
        (Answers::Never, Server::replying([Reply::Hang(Vec::new())]).await),
        (Answers::Well, good),
    ];
    let subject = health_probe::Subject::new(quick(HttpProbe::get("/health")), DEADLINE);
    Ok(nobody_there(places.into_iter().fold(subject, |subject, (answers, server)| at(subject, answers, server))))
}

pub(crate) async fn http_probe_of_url() -> Result<health_probe::Subject, Failure> {
    let good = Server::replying([answer(200, "", "fine")]).await;
    let probe = quick(HttpProbe::get(format!("http://{}/health", good.address)));
    Ok(at(health_probe::Subject::new(probe, DEADLINE), Answers::Well, good))
}

pub(crate) async fn tcp_probe() -> Result<health_probe::Subject, Failure> {
    let good = Server::replying([answer(200, "", "")]).await;
    let probe = TcpProbe::new().every(Duration::from_millis(10)).deadline(DEADLINE);
    Ok(nobody_there(at(health_probe::Subject::new(probe, DEADLINE), Answers::Well, good)))
}

fn quick(probe: HttpProbe) -> HttpProbe {
    probe.every(Duration::from_millis(10)).try_timeout(Duration::from_millis(200)).deadline(DEADLINE)
}

/// The place where `server` answers, as long as somebody can ask for it.
fn at(subject: health_probe::Subject, answers: Answers, server: Server) -> health_probe::Subject {
    subject.place(answers, move || std::future::ready(Ok::<ProbeTarget, Failure>(server.target())))
}

fn nobody_there(subject: health_probe::Subject) -> health_probe::Subject {
    let (held, nobody) = deserted();
    subject.place(Answers::NobodyThere, move || {
        let _ = &held;
        std::future::ready(Ok(target(&format!("http://{nobody}"))))
    })
}

/// Two endpoints of one application. Those that are gone aren't offered: over HTTP they can't be told from those that
/// can't be reached, which is an error.
pub(crate) async fn drain() -> Result<drainer::Subject, Failure> {
    let application = Arc::new(Application::start().await?);
    let endpoint = |host: &str| Endpoint {
        id: format!("uid of {host}"),
        name: format!("pod at {host}"),
        address: Some(host.to_owned()),
    };
    let drain = HttpDrain::new(application.port);
    Ok(drainer::Subject::new(drain, draining::HOSTS.map(endpoint), draining::OPEN)
        .stays_mute(move |endpoint| std::future::ready(application.stay_mute(&endpoint))))
}
