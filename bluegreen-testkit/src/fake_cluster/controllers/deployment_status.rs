//! The status of a Deployment: what its ReplicaSets add up to, and whether it gets on.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::meta;
use super::conditions::{self, Condition};
use super::owned::number;
use super::rollout::Limits;
use super::round::{Round, after, parse};

const UPDATED: &str = "lastUpdateTime";
const COMPLETE: &str = "NewReplicaSetAvailable";

/// The ReplicaSets of a Deployment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sets<'a> {
    /// That of the present template.
    pub(super) new: Option<&'a Value>,
    pub(super) old: &'a [Value],
}

/// Numbers of Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    all: i64,
    updated: i64,
    ready: i64,
    available: i64,
    terminating: i64,
    asked: i64,
}

impl Counts {
    fn of(sets: Sets<'_>) -> Self {
        let sum = |pointer| sets.old.iter().chain(sets.new).map(|set| number(set, pointer)).sum();
        Self {
            all: sum("/status/replicas"),
            updated: sets.new.map_or(0, |new| number(new, "/status/replicas")),
            ready: sum("/status/readyReplicas"),
            available: sum("/status/availableReplicas"),
            terminating: sum("/status/terminatingReplicas"),
            asked: sum("/spec/replicas"),
        }
    }

    /// As a status shows it already.
    fn shown(deployment: &Value) -> Self {
        let shown = |name: &str| number(deployment, &format!("/status/{name}"));
        Self {
            all: shown("replicas"),
            updated: shown("updatedReplicas"),
            ready: shown("readyReplicas"),
            available: shown("availableReplicas"),
            terminating: shown("terminatingReplicas"),
            asked: 0,
        }
    }

    /// Whether the rollout got on since `before`.
    const fn is_ahead_of(self, before: Self) -> bool {
        self.updated > before.updated
            || self.all - self.updated < before.all - before.updated
            || self.ready > before.ready
            || self.available > before.available
    }

    const fn is_complete(self, replicas: i64) -> bool {
        self.updated == replicas && self.all == replicas && self.available == replicas
    }
}

/// Writes the status of a Deployment.
pub(super) fn write(round: &mut Round, deployment: &Value, limits: Limits, sets: Sets<'_>) {
    let progress = Progress { before: Counts::shown(deployment), now: Counts::of(sets), replicas: limits.replicas };
    let counts = progress.now;
    let now = round.now_text();
    let mut new = deployment.clone();
    write_counts(&mut new, counts);
    let available = counts.available >= limits.least_available();
    conditions::set(&mut new, availability(available), &now, Some(UPDATED));
    write_progress(round, &mut new, sets.new, progress);
    write_failure(&mut new, sets, &now);
    let namespace = meta::text(deployment, "/metadata/namespace");
    let status = new["status"].take();
    // It may have been removed in the meantime.
    let _ = round.objects.update_status("Deployment", namespace, meta::name(deployment), |it| it["status"] = status);
}

fn write_counts(deployment: &mut Value, counts: Counts) {
    let observed = deployment["metadata"]["generation"].clone();
    let status = meta::fields(meta::field(deployment, "status"));
    status.insert("observedGeneration".to_owned(), observed);
    status.insert("terminatingReplicas".to_owned(), json!(counts.terminating));
    for (name, count) in [
        ("replicas", counts.all),
        ("updatedReplicas", counts.updated),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
        ("unavailableReplicas", counts.asked - counts.available),
    ] {
        meta::set(status, name, (count > 0).then(|| json!(count)));
    }
}

const fn availability(available: bool) -> Condition<'static> {
    if available {
        Condition {
            kind: "Available",
            status: "True",
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
        }
    } else {
        Condition {
            kind: "Available",
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
        }
    }
}

/// How far a rollout is, and how far it was.
#[derive(Debug, Clone, Copy)]
struct Progress {
    before: Counts,
    now: Counts,
    replicas: i64,
}

fn write_progress(round: &mut Round, deployment: &mut Value, new: Option<&Value>, progress: Progress) {
    let now = round.now_text();
    let set = |deployment: &mut Value, status, reason, message: &str| {
        conditions::set(deployment, Condition { kind: "Progressing", status, reason, message }, &now, Some(UPDATED));
    };
    if deployment["spec"]["paused"] == true {
        return set(deployment, "Unknown", "DeploymentPaused", "Deployment is paused");
    }
    if conditions::reason(deployment, "Progressing") == "DeploymentPaused" {
        set(deployment, "Unknown", "DeploymentResumed", "Deployment is resumed");
    }
    let Some(name) = new.map(meta::name) else { return };
    let reason = conditions::reason(deployment, "Progressing").to_owned();
    let counts = progress.now;
    // Once a rollout is complete, scaling it doesn't make it incomplete.
    if reason == COMPLETE && counts.all == counts.updated {
        return;
    }
    if counts.is_complete(progress.replicas) {
        set(deployment, "True", COMPLETE, &format!("ReplicaSet \"{name}\" has successfully progressed."));
    } else if reason.is_empty() {
        set(deployment, "True", "NewReplicaSetCreated", &format!("Created new replica set \"{name}\""));
    } else if counts.is_ahead_of(progress.before) || reason == COMPLETE {
        set(deployment, "True", "ReplicaSetUpdated", &format!("ReplicaSet \"{name}\" is progressing."));
        // Though it says the same as before: the deadline counts from here.
        conditions::touch(deployment, "Progressing", UPDATED, &now);
    } else if let Some(due) = deadline(deployment) {
        if due < round.now {
            let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
            set(deployment, "False", "ProgressDeadlineExceeded", &message);
        } else {
            round.look_again_at(after(due, 1));
        }
    }
}

/// By when something has to have moved.
fn deadline(deployment: &Value) -> Option<Timestamp> {
    let since = parse(meta::text(conditions::find(deployment, "Progressing")?, "/lastUpdateTime"))?;
    Some(after(since, deployment.pointer("/spec/progressDeadlineSeconds")?.as_i64()?))
}

fn write_failure(deployment: &mut Value, sets: Sets<'_>, now: &str) {
    let failing = sets.new.into_iter().chain(sets.old).find_map(|set| conditions::find(set, "ReplicaFailure"));
    match failing {
        Some(failure) => {
            let (reason, message) = (meta::text(failure, "/reason"), meta::text(failure, "/message"));
            let condition = Condition { kind: "ReplicaFailure", status: "True", reason, message };
            conditions::set(deployment, condition, now, Some(UPDATED));
        }
        None => conditions::remove(deployment, "ReplicaFailure"),
    }
}
