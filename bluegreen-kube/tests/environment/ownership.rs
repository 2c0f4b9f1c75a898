//! Deployments and autoscalers that are, or were, someone else's.

use bluegreen_core::{BackendError, Color, Environment, Fence, Finding, PreflightContext, Release, Scale};
use bluegreen_kube::DeploymentEnvironment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::PostParams;
use serde_json::json;

use crate::shop::{deploy, first_seal, image, in_a_shop, release, stamp, until};

async fn check(environment: &DeploymentEnvironment, context: &PreflightContext) -> Finding {
    let preflights = environment.preflights();
    assert_eq!(preflights.len(), 1);
    preflights[0].check(context).await.unwrap()
}

#[tokio::test]
async fn a_foreign_edit_is_never_overwritten_unasked() {
    in_a_shop("edits", |shop| async move {
        let environment = shop.environment();
        let absent = environment.observe(Color::Green).await.unwrap();
        let (first, second) = (release("1"), release("2"));
        environment.deploy(deploy(&absent, Fence::Version, &stamp(1), &first, 1)).await.unwrap();
        let ours = until(&environment, Color::Green, "ready", |seen| seen.is_ready(&first, 1)).await;

        shop.edit(
            Color::Green,
            json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "other:1"}]}}}}),
        )
        .await;
        for fence in [Fence::Version, Fence::Stamp] {
            let conflict = environment.deploy(deploy(&ours, fence, &stamp(2), &second, 1)).await.unwrap_err();
            assert!(matches!(conflict, BackendError::Conflict { .. }), "{conflict}");
            assert!(conflict.to_string().contains("last changed by kubectl-edit at"), "{conflict}");
        }
        let edited = environment.observe(Color::Green).await.unwrap();
        assert_eq!(edited.release, None);
        let refused = environment.deploy(deploy(&edited, Fence::Stamp, &stamp(3), &second, 1)).await.unwrap_err();
        assert!(refused.to_string().contains("kubectl-edit (spec.template.spec.containers[app].image)"), "{refused}");

        let adopting = environment.clone().adopt_existing();
        let edited = environment.observe(Color::Green).await.unwrap();
        let adopted = adopting.deploy(deploy(&edited, Fence::Stamp, &stamp(4), &second, 1)).await.unwrap();
        assert_eq!(adopted.release.as_ref(), Some(&second));
        // It is ours from here on.
        environment.deploy(deploy(&adopted, Fence::Stamp, &stamp(5), &first, 1)).await.unwrap();
        until(&environment, Color::Green, "ready", |seen| seen.is_ready(&first, 1)).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_made_by_hand_can_be_cloned_sealed_and_adopted() {
    in_a_shop("hand", |shop| async move {
        let environment = DeploymentEnvironment::cloning_active(&shop.cluster, &shop.target);
        let nothing = environment.observe(Color::Green).await.unwrap();
        let first = release("1");
        let hint = environment.deploy(deploy(&nothing, Fence::Version, &stamp(1), &first, 1)).await.unwrap_err();
        assert!(hint.to_string().contains("nothing to clone it from"), "{hint}");

        shop.make_by_hand(Color::Blue, 1).await;
        let blue = environment.observe(Color::Blue).await.unwrap();
        assert_eq!((blue.stamp.as_ref(), blue.release.as_ref(), blue.desired), (None, None, 1));
        environment.deploy(deploy(&nothing, Fence::Version, &stamp(1), &first, 1)).await.unwrap();
        until(&environment, Color::Green, "ready", |seen| seen.is_ready(&first, 1)).await;
        let labels = shop.live(Color::Green).await.spec.unwrap().selector.match_labels.unwrap();
        assert_eq!(labels.get("color").map(String::as_str), Some("green"));

        let down = |expect, fence, seq: u64| {
            let environment = environment.clone();
            async move {
                let stamp = stamp(seq);
                environment.scale(Scale { expect, fence, stamp: &stamp, replicas: 0, cleanup_after: None }).await
            }
        };
        let blue = until(&environment, Color::Blue, "up", |seen| seen.ready == 1 && seen.settled).await;
        let refused = down(&blue, Fence::Version, 2).await.unwrap_err();
        assert!(refused.to_string().contains("seal it first"), "{refused}");
        let sealed = first_seal(&environment, Color::Blue, &stamp(3)).await;
        let retired = down(&sealed, Fence::Stamp, 4).await.unwrap();
        assert_eq!(retired.desired, 0);

        let second = release("2");
        let refused = environment.deploy(deploy(&retired, Fence::Stamp, &stamp(5), &second, 1)).await.unwrap_err();
        assert!(refused.to_string().contains("kubectl-create"), "{refused}");
        let adopting = environment.clone().adopt_existing();
        adopting.deploy(deploy(&retired, Fence::Stamp, &stamp(5), &second, 1)).await.unwrap();
        until(&environment, Color::Blue, "ready", |seen| seen.is_ready(&second, 1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_preflight_finds_what_is_wrong_and_changes_nothing() {
    in_a_shop("preflight", |shop| async move {
        let environment = shop.environment();
        let context = |image: &str| PreflightContext {
            target: shop.target.clone(),
            release: Release::image(image),
            active: Color::Blue,
            standby: Color::Green,
        };
        let good = check(&environment, &context(&image())).await;
        assert!(matches!(good, Finding::Passed { .. }), "{good:?}");
        assert!(!environment.observe(Color::Green).await.unwrap().exists);

        shop.make_by_hand(Color::Green, 1).await;
        shop.make_by_hand(Color::Blue, 3).await;
        let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": {"name": "green"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout-green"},
                     "minReplicas": 1, "maxReplicas": 2},
        }))
        .unwrap();
        shop.api().create(&PostParams::default(), &autoscaler).await.unwrap();
        let Finding::Failed { message } = check(&environment, &context(&image())).await else {
            panic!("a foreign standby passed")
        };
        assert!(
            message.contains("allows 2 replicas of Deployment/checkout-green, but the color that serves has 3"),
            "{message}"
        );
        assert!(message.contains("kubectl-create"), "{message}");
        let invalid = shop.environment_with("ports: [{containerPort: 99999}]").adopt_existing();
        let Finding::Failed { message } = check(&invalid, &context(&image())).await else {
            panic!("an invalid port passed")
        };
        assert!(message.contains("containerPort"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn a_pin_is_given_back_and_a_snapshot_restores_exactly() {
    in_a_shop("restore", |shop| async move {
        let environment = shop.environment();
        shop.make_by_hand(Color::Blue, 1).await;
        let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": {"name": "blue"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout-blue"},
                     "minReplicas": 1, "maxReplicas": 4},
        }))
        .unwrap();
        shop.api().create(&PostParams::default(), &autoscaler).await.unwrap();
        let before = environment.snapshot(Color::Blue).await.unwrap();
        assert_eq!(before.objects.len(), 2);

        assert!(environment.pin_capacity(Color::Blue, Some(3)).await.unwrap());
        assert!(!environment.pin_capacity(Color::Blue, Some(3)).await.unwrap());
        assert_eq!(environment.observe(Color::Blue).await.unwrap().autoscaler.unwrap().min, 3);
        assert!(environment.pin_capacity(Color::Blue, None).await.unwrap());
        assert!(!environment.pin_capacity(Color::Blue, None).await.unwrap());
        assert!(!environment.pin_capacity(Color::Green, Some(3)).await.unwrap());

        let sealed = first_seal(&environment, Color::Blue, &stamp(1)).await;
        shop.edit(Color::Blue, json!({"metadata": {"labels": {"added": "later"}}, "spec": {"replicas": 0}})).await;
        environment.restore(&before).await.unwrap();
        environment.restore(&before).await.unwrap();
        assert_eq!(environment.snapshot(Color::Blue).await.unwrap(), before);
        assert_eq!(environment.observe(Color::Blue).await.unwrap().stamp, sealed.stamp);
    })
    .await;
}
