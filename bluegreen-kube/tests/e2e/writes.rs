//! How many writes a rollout costs, and which: what each option adds.

use std::fmt::Write as _;
use std::sync::Arc;

use bluegreen_core::plan::Watch;
use bluegreen_core::{Color, RolloutBuilder};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::app::{App, PORT, from};
use crate::child::quick;
use crate::meddler::{Meddler, Moment};
use crate::shop::{Needs, Shop, in_a_shop, millis, seconds};
use crate::signals::Level;

/// The persisted writes. Dry runs, of which a preflight sends one, are not among them.
const GOLDEN: &str = include_str!("writes.txt");

/// The table while it is made.
struct Table {
    shop: Arc<Shop>,
    text: String,
}

impl Table {
    /// Runs a rollout, and notes what it wrote.
    async fn row(&mut self, name: &str, app: &App, expected: &str, rollout: RolloutBuilder) {
        let shop = &self.shop;
        shop.trace.clear();
        let before = shop.cluster.requests();
        let outcome = rollout.build().unwrap().run(shop.release(app)).await.unwrap();
        let ended = match outcome.exit_code() {
            0 => "promoted",
            2 => "aborted",
            3 => "rolled back",
            code => panic!("{name}: {code}: {}", outcome.report()),
        };
        assert_eq!(ended, expected, "{name}: {}", outcome.report());
        println!("{name}: {}", shop.cluster.requests() - before);
        self.note(name);
    }

    fn note(&mut self, name: &str) {
        let writes = self.shop.trace.writes();
        let _ = writeln!(self.text, "{name}: {}", writes.len());
        for write in writes {
            let _ = writeln!(self.text, "  {write}");
        }
    }

    fn plain(&self, app: &App, fails: bool) -> RolloutBuilder {
        quick(&self.shop, &self.shop.cluster, app, self.shop.journal("journals"), fails)
    }
}

async fn make_autoscaler(shop: &Shop, color: Color) {
    let name = format!("checkout-{color}");
    let object = json!({"metadata": {"name": name}, "spec": {"minReplicas": 1, "maxReplicas": 5,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}});
    shop.api::<HorizontalPodAutoscaler>().create(&PostParams::default(), &from(object)).await.unwrap();
}

async fn make_second_service(shop: &Shop) {
    let selector = shop.facts().await.selector;
    let object = json!({"metadata": {"name": "internal"}, "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": PORT}]}});
    shop.api::<Service>().create(&PostParams::default(), &from(object)).await.unwrap();
}

#[tokio::test]
async fn the_writes_of_each_option() {
    in_a_shop("writes", Needs::Nothing, seconds(400), async |shop| {
        shop.open(&App::v(1), 2).await;
        let mut table = Table { shop: Arc::clone(&shop), text: String::new() };
        let mut apps = (2..).map(App::v);
        let mut next = || apps.next().unwrap();

        let app = next();
        table.row("first rollout on a target", &app, "promoted", table.plain(&app, false)).await;
        let app = next();
        table.row("promoted", &app, "promoted", table.plain(&app, false)).await;
        let serving = app;
        table.row("the same release again", &serving, "promoted", table.plain(&serving, false)).await;
        let app = next();
        table.row("rolled back", &app, "rolled back", table.plain(&app, true)).await;
        let app = next().starting_as("unready");
        table.row("aborted", &app, "aborted", table.plain(&app, false).ready_within(seconds(3))).await;
        let app = next();
        let watch = Watch::lasting(seconds(1)).interval(millis(250)).signal(Level(0.0), Level::criterion());
        let drainer = Meddler::new(Moment::Drain, || Box::pin(async {}));
        table.row("with a drainer", &app, "promoted", table.plain(&app, false).watch(watch).drainer(drainer)).await;

        let app = next();
        let preview = || shop.router().preview();
        let probe = || bluegreen_core::http::HttpProbe::get("/ready").deadline(seconds(10));
        table.row("preview made", &app, "promoted", table.plain(&app, false).router(preview()).smoke(probe())).await;
        let (there, back) = (next(), next());
        table
            .row(
                "preview made for the other color",
                &there,
                "promoted",
                table.plain(&there, false).router(preview()).smoke(probe()),
            )
            .await;
        table.row("preview there", &back, "promoted", table.plain(&back, false).router(preview()).smoke(probe())).await;

        shop.trace.clear();
        let outcome =
            table.plain(&back, false).build().unwrap().roll_back("it was better").await.unwrap().wait().await.unwrap();
        assert!(outcome.is_rolled_back(), "{}", outcome.report());
        table.note("promoted, then rolled back by another program");

        make_second_service(&shop).await;
        let group = || shop.router().service("checkout").service("internal");
        let app = next();
        table
            .row(
                "two Services, the second for the first time",
                &app,
                "promoted",
                table.plain(&app, false).router(group()),
            )
            .await;
        let app = next();
        table.row("two Services", &app, "promoted", table.plain(&app, false).router(group())).await;
        let app = next();
        table.row("two Services, rolled back", &app, "rolled back", table.plain(&app, true).router(group())).await;
        shop.api::<Service>().delete("internal", &DeleteParams::default()).await.unwrap();

        for color in Color::ALL {
            make_autoscaler(&shop, color).await;
        }
        let app = next();
        table.row("with autoscalers", &app, "promoted", table.plain(&app, false)).await;
        let app = next();
        table.row("with autoscalers, rolled back", &app, "rolled back", table.plain(&app, true)).await;

        println!("{}", table.text);
        assert_eq!(table.text.trim(), GOLDEN.trim());
    })
    .await;
}
