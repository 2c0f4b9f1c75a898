//! `DeploymentEnvironment` on a real cluster: the one that `BLUEGREEN_TEST_KUBECONFIG` names, in namespaces of its own
//! that are removed. Pods run `BLUEGREEN_TEST_PAUSE_IMAGE` (`bluegreen.test/pause:1`), which does nothing for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where something is wrong")]

mod ownership;
mod shop;

use std::time::Duration;

use bluegreen_core::{BackendError, Color, ColorObservation, Environment, Fence, ObstacleKind, Release, Scale, Seal};
use bluegreen_kube::ObstacleGraces;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use kube::ResourceExt;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use self::shop::{deploy, in_a_shop, release, stamp, until};

#[tokio::test]
async fn a_color_is_created_followed_redeployed_sealed_and_scaled_down() {
    in_a_shop("life", |shop| async move {
        let environment = shop.environment_with("env: [{name: OLD, value: '1'}]");
        let absent = environment.observe(Color::Green).await.unwrap();
        assert!(!absent.exists && absent.settled);

        let (first, one) = (release("1"), stamp(1));
        let created = environment.deploy(deploy(&absent, Fence::Version, &one, &first, 2)).await.unwrap();
        assert_eq!((created.stamp.as_ref(), created.release.as_ref(), created.desired), (Some(&one), Some(&first), 2));
        let again = environment.deploy(deploy(&absent, Fence::Version, &stamp(2), &first, 2)).await.unwrap_err();
        assert!(matches!(again, BackendError::Conflict { .. }), "{again}");

        let ready = until(&environment, Color::Green, "ready", |seen| seen.is_ready(&first, 2)).await;
        assert_eq!(ready.endpoints.len(), 2);
        assert!(ready.endpoints.iter().all(|endpoint| endpoint.address.is_some()));
        let read = environment.observe(Color::Green).await.unwrap();
        assert_eq!((&read.endpoints, read.settled, read.ready), (&ready.endpoints, true, 2));

        // A manifest that no longer has the variable: it is gone from the pods, too.
        let environment = shop.environment();
        let (second, two) = (release("2"), stamp(3));
        let deployed = environment.deploy(deploy(&read, Fence::Stamp, &two, &second, 2)).await.unwrap();
        assert_eq!((deployed.release.as_ref(), deployed.ready, deployed.settled), (Some(&second), 0, false));
        let ready = until(&environment, Color::Green, "ready", |seen| seen.is_ready(&second, 2)).await;
        let template = shop.live(Color::Green).await.spec.unwrap().template;
        assert_eq!(template.spec.unwrap().containers[0].env, None);

        let (three, late_stamp) = (stamp(4), stamp(5));
        let sealed = environment.seal(Seal { expect: &ready, fence: Fence::Stamp, stamp: &three }).await.unwrap();
        assert_eq!((sealed.stamp.as_ref(), sealed.ready, sealed.settled), (Some(&three), 2, true));
        let late = Scale { expect: &ready, fence: Fence::Stamp, stamp: &late_stamp, replicas: 0, cleanup_after: None };
        let refused = environment.scale(late).await.unwrap_err();
        assert!(refused.to_string().contains("found stamp 1.4/test, 2 replicas"), "{refused}");
        let late = deploy(&ready, Fence::Stamp, &late_stamp, &first, 1);
        let refused = environment.deploy(late).await.unwrap_err();
        assert!(refused.to_string().contains("found stamp 1.4/test"), "{refused}");

        let cleanup_after = Some("2026-12-01T00:00:00Z".parse().unwrap());
        let down = Scale { expect: &sealed, fence: Fence::Stamp, stamp: &stamp(6), replicas: 0, cleanup_after };
        environment.scale(down).await.unwrap();
        let empty = until(&environment, Color::Green, "empty", |seen| seen.settled && seen.desired == 0).await;
        assert_eq!((empty.ready, empty.endpoints.len()), (0, 0));
        assert!(shop.live(Color::Green).await.annotations().contains_key("bluegreen.rs/cleanup-after"));

        environment.deploy(deploy(&empty, Fence::Stamp, &stamp(7), &second, 1)).await.unwrap();
        until(&environment, Color::Green, "ready again", |seen| seen.is_ready(&second, 1)).await;
        assert!(!shop.live(Color::Green).await.annotations().contains_key("bluegreen.rs/cleanup-after"));
    })
    .await;
}

#[tokio::test]
async fn a_lost_pod_is_seen_at_once() {
    in_a_shop("lost", |shop| async move {
        let environment = shop.environment();
        let (first, one) = (release("1"), stamp(1));
        let absent = environment.observe(Color::Blue).await.unwrap();
        environment.deploy(deploy(&absent, Fence::Version, &one, &first, 2)).await.unwrap();
        let mut watch = environment.watch(Color::Blue);
        let ready = loop {
            let seen = watch.next().await.unwrap().unwrap();
            if seen.is_ready(&first, 2) {
                break seen;
            }
        };
        let pod = &ready.endpoints.first().unwrap().name;
        let begin = std::time::Instant::now();
        shop.api::<Pod>().delete(pod, &DeleteParams::default()).await.unwrap();
        while watch.next().await.unwrap().unwrap().ready >= 2 {}
        assert!(begin.elapsed() < Duration::from_secs(1), "seen after {:?}", begin.elapsed());
        println!("a deleted pod was seen after {:?}", begin.elapsed());
    })
    .await;
}

#[tokio::test]
async fn what_can_never_become_ready_says_why() {
    in_a_shop("broken", |shop| async move {
        let environment = shop
            .environment_with("livenessProbe: {tcpSocket: {port: 1}, periodSeconds: 1, failureThreshold: 1}")
            .obstacle_graces(ObstacleGraces { crash_restarts: 1, ..ObstacleGraces::default() });
        let absent = |color| ColorObservation::absent(color, "");
        let broken = Release::image("bluegreen.test/absent:1");
        environment.deploy(deploy(&absent(Color::Blue), Fence::Version, &stamp(1), &broken, 1)).await.unwrap();
        let kind = |seen: &ColorObservation, kind| seen.obstacles.iter().any(|obstacle| obstacle.kind == kind);
        let seen = until(&environment, Color::Blue, "stuck", |seen| kind(seen, ObstacleKind::ImagePull)).await;
        assert!(seen.obstacles[0].message.contains("bluegreen.test/absent:1"), "{:?}", seen.obstacles);
        assert_eq!(seen.obstacles[0].grace, Some(Duration::from_secs(45)));

        let crashing = release("crashing");
        environment.deploy(deploy(&absent(Color::Green), Fence::Version, &stamp(1), &crashing, 1)).await.unwrap();
        let hopeless = |seen: &ColorObservation| {
            seen.obstacles.iter().any(|obstacle| obstacle.kind == ObstacleKind::CrashLoop && obstacle.grace.is_some())
        };
        let seen = until(&environment, Color::Green, "hopeless", hopeless).await;
        assert!(seen.restarts >= 1, "{seen:#?}");
        let diagnosis = environment.diagnose(Color::Green).await.unwrap();
        assert!(diagnosis.causes[0].contains("container app exited with code"), "{diagnosis:#?}");
        println!("{diagnosis:#?}");
    })
    .await;
}

#[tokio::test]
async fn an_exhausted_quota_is_quoted() {
    in_a_shop("quota", |shop| async move {
        let quota: ResourceQuota =
            serde_json::from_value(json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})).unwrap();
        shop.api().create(&PostParams::default(), &quota).await.unwrap();
        let environment = shop.environment();
        let absent = ColorObservation::absent(Color::Blue, "");
        environment.deploy(deploy(&absent, Fence::Version, &stamp(1), &release("1"), 1)).await.unwrap();
        let seen = until(&environment, Color::Blue, "refused", |seen| !seen.obstacles.is_empty()).await;
        assert_eq!(seen.obstacles[0].kind, ObstacleKind::Refused);
        assert!(seen.obstacles[0].message.contains("exceeded quota: none"), "{:?}", seen.obstacles);
    })
    .await;
}
