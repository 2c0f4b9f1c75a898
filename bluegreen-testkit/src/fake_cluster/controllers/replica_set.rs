//! ReplicaSets: they keep as many Pods as they are asked for.

use serde_json::{Value, json};

use super::super::meta;
use super::conditions::{self, Condition};
use super::owned::{controlled_by, has_ended, is_active, is_ready, number, owner_reference, ready_since};
use super::quota;
use super::round::{Round, after, parse};

pub(super) fn run(round: &mut Round) {
    for set in round.objects.list("ReplicaSet", "") {
        if !meta::is_deleting(&set) {
            sync(round, &set);
        }
    }
}

fn sync(round: &mut Round, set: &Value) {
    let namespace = meta::text(set, "/metadata/namespace");
    let all = round.objects.list("Pod", namespace);
    let mut pods: Vec<&Value> = controlled_by(&all, set).filter(|pod| is_active(pod)).collect();
    let wanted = usize::try_from(number(set, "/spec/replicas")).unwrap_or_default();
    let mut failure = None;
    for _ in pods.len()..wanted {
        failure = make_pod(round, namespace, set).err();
        if failure.is_some() {
            break;
        }
    }
    if pods.len() > wanted {
        // Those go first that serve least: not ready, then the youngest.
        pods.sort_by_key(|pod| (is_ready(pod), std::cmp::Reverse(meta::uid(pod).to_owned())));
        for pod in &pods[..pods.len() - wanted] {
            // It may be gone already.
            let _ = round.objects.delete("Pod", namespace, meta::name(pod));
        }
    }
    write_status(round, set, failure.as_deref());
}

/// Makes a Pod; says why it can't be made.
fn make_pod(round: &Round, namespace: &str, set: &Value) -> Result<(), String> {
    let prefix = format!("{}-", meta::name(set));
    if let Some(refusal) = quota::refusal(round, namespace) {
        return Err(format!("pods \"{prefix}\" {refusal}"));
    }
    let template = &set["spec"]["template"];
    let mut pod = json!({"metadata": template["metadata"], "spec": template["spec"]});
    let metadata = meta::metadata(&mut pod);
    metadata.insert("generateName".to_owned(), json!(prefix));
    metadata.insert("ownerReferences".to_owned(), owner_reference(set));
    round.objects.create("Pod", namespace, pod).map(drop).map_err(|error| error.to_string())
}

fn write_status(round: &mut Round, set: &Value, failure: Option<&str>) {
    let namespace = meta::text(set, "/metadata/namespace");
    let all = round.objects.list("Pod", namespace);
    let owned: Vec<&Value> = controlled_by(&all, set).filter(|pod| !has_ended(pod)).collect();
    let (pods, terminating): (Vec<&Value>, Vec<&Value>) = owned.into_iter().partition(|pod| is_active(pod));
    let pace = number(set, "/spec/minReadySeconds");
    let ready: Vec<&Value> = pods.iter().copied().filter(|pod| is_ready(pod)).collect();
    let mut available = 0;
    for since in ready.iter().filter_map(|pod| parse(ready_since(pod)?)) {
        let due = after(since, pace);
        if due <= round.now {
            available += 1;
        } else {
            round.look_again_at(due);
        }
    }
    let now = round.now_text();
    let counters =
        [("fullyLabeledReplicas", pods.len()), ("readyReplicas", ready.len()), ("availableReplicas", available)];
    let observed = set["metadata"]["generation"].clone();
    // It may have been removed in the meantime.
    let _ = round.objects.update_status("ReplicaSet", namespace, meta::name(set), |set| {
        let status = meta::fields(meta::field(set, "status"));
        status.insert("replicas".to_owned(), json!(pods.len()));
        status.insert("terminatingReplicas".to_owned(), json!(terminating.len()));
        status.insert("observedGeneration".to_owned(), observed);
        for (name, count) in counters {
            meta::set(status, name, (count > 0).then(|| json!(count)));
        }
        match failure {
            Some(message) => {
                let condition = Condition { kind: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
                conditions::set(set, condition, &now, None);
            }
            None => conditions::remove(set, "ReplicaFailure"),
        }
    });
}
