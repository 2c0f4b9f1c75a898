//! The Service router against a real API server, as the engine uses it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bluegreen_core::{
    BackendError, Color, Effect, Fence, Finding, Holder, PerColor, PreflightContext, Proof, Release, RolloutId,
    RouteMark, RouteObject, RouteState, RouteWrite, Split, Stamp, Target, TrafficRouter, Via,
};
use bluegreen_kube::{Cluster, ServiceRouter};
use futures_util::StreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::shop::{Shop, from};

fn routes(color: Color) -> RouteState {
    RouteState::Routes(Split::only(color))
}

/// The marks of one holder.
struct Marks {
    holder: Holder,
    seq: u64,
}

impl Marks {
    fn of(holder: u64) -> Self {
        Self { holder: Holder::new(holder), seq: 0 }
    }

    fn next(&mut self, color: Color) -> RouteMark {
        self.seq += 1;
        RouteMark {
            stamp: Stamp { epoch: 1, seq: self.seq, holder: self.holder.clone() },
            split: Split::only(color),
            rollout: RolloutId::from("20261122t040506-1a2b3c4d".to_owned()),
            origin: Color::Blue,
            ended: false,
        }
    }
}

/// Raises on an object, as a new holder does.
async fn raise(router: &ServiceRouter, object: &RouteObject, mark: &RouteMark) -> RouteObject {
    router.write(RouteWrite { object, fence: Fence::Version, to: &object.state, mark }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_tests_what_it_expects() {
    Shop::run("fence", |shop| async move {
        shop.service("checkout", json!({"app": "checkout", "color": "blue"})).await;
        let (router, mut marks) = (shop.router(), Marks::of(1));
        let before = shop.cluster.requests();
        let first = router.observe().await.unwrap();
        assert_eq!((first.active(), first.objects.len()), (Some(Color::Blue), 1));
        assert_eq!((first.objects[0].name.as_str(), &first.objects[0].mark), ("Service/checkout", &None));

        // There are no annotations at all yet; the raise makes them.
        let mark = marks.next(Color::Blue);
        let raised = raise(&router, &first.objects[0], &mark).await;
        assert_eq!((&raised.mark, &raised.state), (&Some(mark.clone()), &routes(Color::Blue)));
        assert_eq!(raised.exact, first.objects[0].exact);

        // The same raise again: its version is gone, but its mark is there, so it has landed.
        assert_eq!(raise(&router, &first.objects[0], &mark).await, raised);

        // Another raise of what was read before is too late.
        let late = marks.next(Color::Blue);
        let write = RouteWrite { object: &first.objects[0], fence: Fence::Version, to: &raised.state, mark: &late };
        let error = router.write(write).await.unwrap_err();
        assert!(matches!(error, BackendError::Conflict { .. }), "{error}");

        // Another field of the Service changes: the stamp doesn't mind.
        shop.edit("somebody", "checkout", json!({"metadata": {"labels": {"team": "a"}}})).await;
        let mark = marks.next(Color::Green);
        let to = routes(Color::Green);
        let write = RouteWrite { object: &raised, fence: Fence::Stamp, to: &to, mark: &mark };
        let switched = router.write(write).await.unwrap();
        assert_eq!((&switched.state, &switched.mark), (&to, &Some(mark)));
        assert_eq!(switched.changed.as_ref().unwrap().by, "bluegreen");
        assert_eq!(router.observe().await.unwrap().objects[0], switched);

        // Sealed: a switch back that was read before the seal can't land any more.
        let mark = marks.next(Color::Green);
        let seal = RouteWrite { object: &switched, fence: Fence::Stamp, to: &switched.state, mark: &mark };
        let sealed = router.write(seal).await.unwrap();
        assert_eq!(sealed.state, routes(Color::Green));
        let (to, mark) = (routes(Color::Blue), marks.next(Color::Blue));
        let error = router
            .write(RouteWrite { object: &switched, fence: Fence::Stamp, to: &to, mark: &mark })
            .await
            .unwrap_err();
        assert_eq!(error.effect(), Effect::No);
        assert!(error.to_string().contains(&sealed.mark.clone().unwrap().to_string()), "{error}");
        assert_eq!(router.observe().await.unwrap().objects[0], sealed);

        let sent = shop.cluster.requests() - before;
        assert_eq!(sent.writes, 7, "{sent}");
        assert_eq!(sent.watches, 0);
        let ours = |write: &&String| write.ends_with("/services/checkout") && write.starts_with("PATCH");
        assert_eq!(shop.writes.lock().unwrap().iter().filter(ours).count(), 7);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_edit_is_a_conflict_that_says_who_did_what() {
    Shop::run("foreign", |shop| async move {
        shop.service("checkout", json!({"app": "checkout", "color": "blue"})).await;
        let (router, mut marks) = (shop.router(), Marks::of(2));
        let mut watch = router.watch();
        let seen = watch.next().await.unwrap().unwrap();
        assert_eq!(seen, router.observe().await.unwrap());
        let raised = raise(&router, &seen.objects[0], &marks.next(Color::Blue)).await;

        for (selector, words) in [
            (json!({"color": "green"}), "selector app=checkout,color=green"),
            (json!({"color": null}), "selector app=checkout,"),
            (json!({"color": "blue", "canary": "no"}), "selector app=checkout,canary=no,color=blue"),
        ] {
            shop.edit("kubectl-edit", "checkout", json!({"spec": {"selector": selector}})).await;
            let (to, mark) = (routes(Color::Green), marks.next(Color::Green));
            let write = RouteWrite { object: &raised, fence: Fence::Stamp, to: &to, mark: &mark };
            let error = router.write(write).await.unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, BackendError::Conflict { .. }), "{text}");
            for words in [words, "selector last written by kubectl-edit at ", "expected stamp 1.1/"] {
                assert!(text.contains(words), "{words} in {text}");
            }
        }
        // Without a color it is foreign, and both colors might serve.
        shop.edit("kubectl-edit", "checkout", json!({"spec": {"selector": {"color": null, "canary": null}}})).await;
        let now = router.observe().await.unwrap();
        assert!(now.objects[0].is_foreign() && now.references(Color::Blue) && now.references(Color::Green));
        assert_eq!(now.split, None);
        assert!(router.steps(&now, Split::only(Color::Green)).is_empty());
        loop {
            let seen = watch.next().await.unwrap().unwrap();
            if seen == now {
                break;
            }
        }

        shop.edit("somebody", "checkout", json!({"metadata": {"annotations": {"bluegreen.rs/stamp": "?"}}})).await;
        let error = router.observe().await.unwrap_err();
        assert!(error.to_string().contains("annotation bluegreen.rs/stamp"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn convergence_is_proven_by_the_pods_that_get_traffic() {
    Shop::run("converge", |shop| async move {
        for name in ["checkout", "checkout-internal"] {
            shop.service(name, json!({"app": "checkout", "color": "blue"})).await;
        }
        shop.deployment("blue", 2).await;
        shop.deployment("green", 3).await;
        let (router, mut marks) = (shop.router().service("checkout").service("checkout-internal"), Marks::of(3));
        let (blue, green) = (shop.ready("blue", 2).await, shop.ready("green", 3).await);
        let proof = router.converge(Color::Blue, &blue).await.unwrap();
        assert_eq!((proof.endpoints, proof.proof), (2, Proof::Endpoints));

        // Not there yet: it waits, also while only one of the two Services has switched.
        let waiting = tokio::spawn({
            let (router, green) = (router.clone(), green.clone());
            async move { router.converge(Color::Green, &green).await }
        });
        let route = router.observe().await.unwrap();
        let mut raised = BTreeMap::new();
        for object in &route.objects {
            raised.insert(object.name.clone(), raise(&router, object, &marks.next(Color::Blue)).await);
        }
        let route = router.observe().await.unwrap();
        let steps = router.steps(&route, Split::only(Color::Green));
        assert_eq!(steps.len(), 2);
        for (index, step) in steps.iter().enumerate() {
            let write = RouteWrite {
                object: &raised[&step.object],
                fence: Fence::Stamp,
                to: &step.to,
                mark: &marks.next(Color::Green),
            };
            router.write(write).await.unwrap();
            if index == 0 {
                assert_eq!(router.observe().await.unwrap().split, None);
                tokio::time::sleep(Duration::from_millis(500)).await;
                assert!(!waiting.is_finished());
            }
        }
        let switched = tokio::time::Instant::now();
        let proof = waiting.await.unwrap().unwrap();
        println!("converged {:?} after the switch: {}", switched.elapsed(), proof.evidence);
        assert_eq!(proof.endpoints, 3);
        assert!(green.iter().all(|endpoint| proof.evidence.contains(&endpoint.id)), "{}", proof.evidence);
        assert!(router.steps(&router.observe().await.unwrap(), Split::only(Color::Green)).is_empty());

        // Too many, too few, or none: no proof.
        let fewer: BTreeSet<_> = green.iter().skip(1).cloned().collect();
        for endpoints in [&fewer, &blue] {
            let wait = tokio::time::timeout(Duration::from_secs(1), router.converge(Color::Green, endpoints));
            assert!(wait.await.is_err());
        }
        assert!(router.converge(Color::Green, &BTreeSet::new()).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_made_slice_keeps_traffic_from_being_proven() {
    Shop::run("slice", |shop| async move {
        shop.service("checkout", json!({"app": "checkout", "color": "blue"})).await;
        shop.deployment("blue", 1).await;
        let blue = shop.ready("blue", 1).await;
        let slice = json!({"metadata": {"name": "by-hand", "labels": {"kubernetes.io/service-name": "checkout"}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 80}],
            "endpoints": [{"addresses": ["192.0.2.1"]}]});
        let slices = shop.api::<EndpointSlice>();
        slices.create(&PostParams::default(), &from(slice)).await.unwrap();
        let router = shop.router();
        let wait = tokio::time::timeout(Duration::from_secs(2), router.converge(Color::Blue, &blue));
        assert!(wait.await.is_err());
        slices.delete("by-hand", &DeleteParams::default()).await.unwrap();
        router.converge(Color::Blue, &blue).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_are_made_once_and_lead_to_one_color() {
    Shop::run("preview", |shop| async move {
        let router = shop.router().preview().port("http");
        let error = router.observe().await.unwrap_err();
        assert!(matches!(error, BackendError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("kind: Service"), "{error}");

        shop.service("checkout", json!({"app": "checkout", "color": "blue"})).await;
        assert!(router.address(Via::Preview, Color::Green).await.is_err());
        assert!(router.prepare_preview(Color::Green).await.unwrap());
        assert!(!router.prepare_preview(Color::Green).await.unwrap());
        let address = router.address(Via::Preview, Color::Green).await.unwrap().unwrap();
        assert!(address.0.starts_with("http://") && address.0.ends_with(":80"), "{address}");
        assert_ne!(router.address(Via::Production, Color::Green).await.unwrap().unwrap(), address);
        assert!(!shop.router().prepare_preview(Color::Green).await.unwrap());
        assert_eq!(shop.router().address(Via::Preview, Color::Green).await.unwrap(), None);

        shop.service("checkout-blue", json!({"app": "other", "color": "blue"})).await;
        let error = router.prepare_preview(Color::Blue).await.unwrap_err();
        assert!(matches!(error, BackendError::Unusable { .. }), "{error}");
    })
    .await;
}

/// What the router's own preflight finds.
async fn check(router: &ServiceRouter, context: &PreflightContext) -> Finding {
    let preflights = router.preflights();
    assert_eq!(preflights.len(), 1);
    preflights[0].check(context).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_finds_everything_at_once() {
    Shop::run("preflight", |shop| async move {
        let context = PreflightContext {
            target: shop.target.clone(),
            release: Release::version("2"),
            active: Color::Blue,
            standby: Color::Green,
        };
        shop.service("checkout", json!({"app": "checkout", "color": "blue"})).await;
        shop.deployment("blue", 0).await;
        let finding = check(&shop.router().preview(), &context).await;
        assert!(matches!(&finding, Finding::Passed { message } if message.contains("routes to blue")), "{finding:?}");

        shop.edit("argocd-controller", "checkout", json!({"spec": {"selector": {"color": "green"}}})).await;
        let finding = check(&shop.router(), &context).await;
        assert!(
            matches!(&finding, Finding::Warning { message } if message.contains("ignoreDifferences")),
            "{finding:?}"
        );

        shop.edit(
            "kubectl-edit",
            "checkout",
            json!({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "nope"}]}}),
        )
        .await;
        let router = shop.router().service("checkout").service("missing");
        let Finding::Failed { message } = check(&router, &context).await else { panic!() };
        for words in
            ["leads nowhere in Deployment/checkout-blue", "Service/missing: does not exist", "ignoreDifferences"]
        {
            assert!(message.contains(words), "{words} in {message}");
        }
        let same = shop.router().label("color", PerColor { blue: "x", green: "x" });
        let Finding::Failed { message } = check(&same, &context).await else { panic!() };
        assert!(message.contains("for both colors"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn a_watch_without_an_api_server_reports_and_waits() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cluster = Cluster::from_config(kube::Config::new(url.parse().unwrap())).unwrap();
    let mut watch = ServiceRouter::new(&cluster, &Target::new("shop", "checkout")).watch();
    let mut errors = 0;
    let _ = tokio::time::timeout(Duration::from_millis(1000), async {
        while let Some(item) = watch.next().await {
            assert!(matches!(item, Err(BackendError::Unavailable { .. })), "{item:?}");
            errors += 1;
        }
    })
    .await;
    // At once, and after pauses of 100, 200 and 400 ms.
    assert!((2..=4).contains(&errors), "{errors} errors in a second");
}
