//! ResourceQuotas, as far as they count Pods.

use serde_json::{Value, json};

use super::super::meta;
use super::owned::has_ended;
use super::round::Round;

/// Writes how much of each quota is used.
pub(super) fn run(round: &Round) {
    for quota in round.objects.list("ResourceQuota", "") {
        let namespace = meta::text(&quota, "/metadata/namespace");
        let Some(hard) = quota.pointer("/spec/hard").cloned() else { continue };
        let used = hard.get("pods").map(|_| json!({"pods": used_pods(round, namespace).to_string()}));
        let status = json!({"hard": hard, "used": used.unwrap_or_else(|| json!({}))});
        // It may have been removed in the meantime.
        let _ = round.objects.update_status("ResourceQuota", namespace, meta::name(&quota), |quota| {
            quota["status"] = status;
        });
    }
}

/// Why one more Pod isn't allowed in a namespace, as the API server says after the Pod's name; `None` if it is.
pub(super) fn refusal(round: &Round, namespace: &str) -> Option<String> {
    let used = used_pods(round, namespace);
    round.objects.list("ResourceQuota", namespace).iter().find_map(|quota| {
        let limit: usize = limit(quota)?;
        (used >= limit).then(|| {
            let name = meta::name(quota);
            format!("is forbidden: exceeded quota: {name}, requested: pods=1, used: pods={used}, limited: pods={limit}")
        })
    })
}

fn limit(quota: &Value) -> Option<usize> {
    let pods = quota.pointer("/spec/hard/pods")?;
    pods.as_str().and_then(|text| text.parse().ok()).or_else(|| pods.as_u64()?.try_into().ok())
}

fn used_pods(round: &Round, namespace: &str) -> usize {
    round.objects.list("Pod", namespace).iter().filter(|pod| !has_ended(pod)).count()
}
