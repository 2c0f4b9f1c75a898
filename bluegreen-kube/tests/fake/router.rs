//! `ServiceRouter`.

use std::time::Duration;

use bluegreen_core::{
    BackendError, Color, Effect, Fence, Holder, RolloutId, RouteMark, RouteObject, RouteState, RouteWrite, Split,
    Stamp, TrafficRouter,
};
use bluegreen_kube::ServiceRouter;
use bluegreen_testkit::ApiFault;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Shop, from};

impl Shop {
    async fn with_service() -> Self {
        let shop = Self::new();
        let service = json!({"metadata": {"name": "checkout"}, "spec": {
            "selector": {"app": "checkout", "color": "blue"}, "ports": [{"port": 80, "targetPort": "web"}]}});
        shop.api::<Service>().create(&PostParams::default(), &from(service)).await.unwrap();
        shop
    }

    fn router(&self) -> ServiceRouter {
        ServiceRouter::new(&self.cluster, &self.target)
    }

    async fn edit(&self, patch: Value) {
        let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        self.api::<Service>().patch("checkout", &params, &Patch::Merge(patch)).await.unwrap();
    }
}

fn mark(seq: u64, color: Color) -> RouteMark {
    RouteMark {
        stamp: Stamp { epoch: 1, seq, holder: Holder::new(1) },
        split: Split::only(color),
        rollout: RolloutId::from("20261122t040506-1a2b3c4d".to_owned()),
        origin: Color::Blue,
        ended: false,
    }
}

async fn raised(router: &ServiceRouter) -> RouteObject {
    let object = router.observe().await.unwrap().objects.remove(0);
    let write = RouteWrite { object: &object, fence: Fence::Version, to: &object.state, mark: &mark(1, Color::Blue) };
    router.write(write).await.unwrap()
}

fn green() -> RouteState {
    RouteState::Routes(Split::only(Color::Green))
}

#[tokio::test(start_paused = true)]
async fn a_switch_is_one_write_that_tests_mark_and_selector() {
    let shop = Shop::with_service().await;
    let router = shop.router();
    let raised = raised(&router).await;
    shop.edit(json!({"metadata": {"labels": {"team": "a"}}})).await;
    let (to, mark) = (green(), mark(2, Color::Green));
    let write = RouteWrite { object: &raised, fence: Fence::Stamp, to: &to, mark: &mark };
    let switched = router.write(write).await.unwrap();
    assert_eq!((&switched.state, switched.mark.as_ref()), (&to, Some(&mark)));
    assert_eq!(switched.changed.as_ref().unwrap().by, "bluegreen");
    assert_eq!(router.observe().await.unwrap().objects[0], switched);
    let patches = shop.fake.requests().into_iter().filter(|sent| sent.path.contains("fieldManager=bluegreen"));
    assert_eq!(patches.filter(|sent| sent.method == "PATCH").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_edit_is_a_conflict_that_says_who_did_it() {
    let shop = Shop::with_service().await;
    let router = shop.router();
    let mut watch = router.watch();
    let raised = raised(&router).await;
    shop.edit(json!({"spec": {"selector": {"color": "green"}}})).await;
    let (to, mark) = (green(), mark(2, Color::Green));
    let write = RouteWrite { object: &raised, fence: Fence::Stamp, to: &to, mark: &mark };
    let error = router.write(write).await.unwrap_err();
    assert!(matches!(error, BackendError::Conflict { .. }), "{error}");
    let words = "selector last written by kubectl-edit at 2026-01-01T00:00:00Z";
    assert!(error.to_string().contains(words), "{error}");
    let now = router.observe().await.unwrap();
    while watch.next().await.unwrap().unwrap() != now {}
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_unknown_and_read_back_it_is_not() {
    for (fault, landed) in [
        (ApiFault::lose_answer(), true),
        (ApiFault::hang_answer(), true),
        (ApiFault::hang(), false),
        (ApiFault::refuse(504, "context deadline exceeded"), false),
    ] {
        let shop = Shop::with_service().await;
        let router = shop.router();
        let raised = raised(&router).await;
        let words = fault.to_string();
        shop.fake.fail(fault.on("PATCH", "/services/checkout"));
        let (to, mark, began) = (green(), mark(2, Color::Green), Instant::now());
        let write = RouteWrite { object: &raised, fence: Fence::Stamp, to: &to, mark: &mark };
        let error = router.write(write).await.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{words}: {error}");
        assert!(began.elapsed() <= Duration::from_secs(10), "{words}");
        assert_eq!(router.observe().await.unwrap().objects[0].mark == Some(mark), landed, "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lands_late_changes_nothing_after_a_seal() {
    let shop = Shop::with_service().await;
    let router = shop.router();
    let raised = raised(&router).await;
    shop.fake.fail(ApiFault::land_late(Duration::from_secs(60)).on("PATCH", "/services/checkout"));
    let to = green();
    let write = RouteWrite { object: &raised, fence: Fence::Stamp, to: &to, mark: &mark(2, Color::Green) };
    assert_eq!(router.write(write).await.unwrap_err().effect(), Effect::Unknown);
    let seal = RouteWrite { object: &raised, fence: Fence::Stamp, to: &raised.state, mark: &mark(3, Color::Blue) };
    let sealed = router.write(seal).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(router.observe().await.unwrap().objects[0], sealed);
}
