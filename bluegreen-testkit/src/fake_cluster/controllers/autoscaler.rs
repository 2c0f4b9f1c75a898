//! HorizontalPodAutoscalers, without metrics: they keep their targets between minimum and maximum.

use serde_json::{Value, json};

use super::super::meta;
use super::conditions::{self, Condition};
use super::owned::number;
use super::round::Round;

pub(super) fn run(round: &Round) {
    for autoscaler in round.objects.list("HorizontalPodAutoscaler", "") {
        sync(round, &autoscaler);
    }
}

fn sync(round: &Round, autoscaler: &Value) {
    let namespace = meta::text(autoscaler, "/metadata/namespace");
    let target = |field: &str| meta::text(autoscaler, &format!("/spec/scaleTargetRef/{field}"));
    let Some(scaled) = round.objects.get(target("kind"), namespace, target("name")) else { return };
    let current = number(&scaled, "/spec/replicas");
    let (min, max) = (number(autoscaler, "/spec/minReplicas"), number(autoscaler, "/spec/maxReplicas"));
    // A target of size 0 is left alone: that is how an autoscaler is turned off.
    let desired = if current == 0 { 0 } else { current.clamp(min.min(max), max) };
    if desired != current {
        // It may be gone already.
        let _ = round.objects.update(target("kind"), namespace, target("name"), |scaled| {
            scaled["spec"]["replicas"] = json!(desired);
        });
    }
    let now = round.now_text();
    let observed = number(&scaled, "/status/replicas");
    // It may be gone already.
    let _ = round.objects.update_status("HorizontalPodAutoscaler", namespace, meta::name(autoscaler), |it| {
        let status = meta::fields(meta::field(it, "status"));
        status.insert("currentReplicas".to_owned(), json!(observed));
        status.insert("desiredReplicas".to_owned(), json!(desired));
        for condition in said(current) {
            conditions::set(it, condition, &now, None);
        }
    });
}

fn said(current: i64) -> [Condition<'static>; 2] {
    let able = Condition {
        kind: "AbleToScale",
        status: "True",
        reason: "SucceededGetScale",
        message: "the HPA controller was able to get the target's current scale",
    };
    let active = if current == 0 {
        Condition {
            kind: "ScalingActive",
            status: "False",
            reason: "ScalingDisabled",
            message: "scaling is disabled since the replica count of the target is zero",
        }
    } else {
        Condition {
            kind: "ScalingActive",
            status: "False",
            reason: "FailedGetResourceMetric",
            message: "the HPA was unable to compute the replica count: this cluster has no metrics",
        }
    };
    [able, active]
}
