//! Jobs: they start Pods until enough have ended well, or too many badly.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::meta;
use super::super::objects::Objects;
use super::conditions::{self, Condition};
use super::owned::{controlled_by, has_ended, is_active, is_ready, number, owner_reference};
use super::round::{Round, after, parse};

/// The pause before the first new attempt; it doubles with each.
const PAUSE: i64 = 10;
const LONGEST_PAUSE: i64 = 600;

pub(super) fn run(round: &mut Round) {
    for job in round.objects.list("Job", "") {
        if meta::is_deleting(&job) {
            continue;
        }
        match finished_at(&job) {
            Some(time) => expire(round, &job, time),
            None => sync(round, &job),
        }
    }
}

/// When a Job was done, well or not.
fn finished_at(job: &Value) -> Option<Timestamp> {
    let ended = ["Complete", "Failed"].into_iter().filter_map(|kind| conditions::find(job, kind));
    ended.filter(|it| it["status"] == "True").find_map(|it| parse(meta::text(it, "/lastTransitionTime")))
}

/// Removes a Job that was only to be kept for a while.
fn expire(round: &mut Round, job: &Value, finished: Timestamp) {
    let Some(kept) = job.pointer("/spec/ttlSecondsAfterFinished").and_then(Value::as_i64) else { return };
    let due = after(finished, kept);
    if due <= round.now {
        // It may be gone already.
        let _ = round.objects.delete("Job", meta::text(job, "/metadata/namespace"), meta::name(job));
    } else {
        round.look_again_at(due);
    }
}

/// The Pods of a Job.
struct Attempts {
    active: Vec<Value>,
    terminating: usize,
    ready: usize,
    succeeded: usize,
    failed: usize,
    /// When the last of them failed.
    last_failure: Option<Timestamp>,
}

impl Attempts {
    fn of(objects: &Objects, job: &Value) -> Self {
        let all = objects.list("Pod", meta::text(job, "/metadata/namespace"));
        let pods: Vec<&Value> = controlled_by(&all, job).collect();
        let ended = |phase| pods.iter().filter(|pod| meta::text(pod, "/status/phase") == phase).count();
        let failed = pods.iter().filter(|pod| meta::text(pod, "/status/phase") == "Failed");
        Self {
            active: pods.iter().copied().filter(|pod| is_active(pod)).cloned().collect(),
            terminating: pods.iter().filter(|pod| meta::is_deleting(pod) && !has_ended(pod)).count(),
            ready: pods.iter().filter(|pod| is_active(pod) && is_ready(pod)).count(),
            succeeded: ended("Succeeded"),
            failed: ended("Failed"),
            last_failure: failed.filter_map(|pod| ended_at(pod)).max(),
        }
    }
}

fn ended_at(pod: &Value) -> Option<Timestamp> {
    let containers = meta::list(pod, "/status/containerStatuses").iter();
    containers.filter_map(|container| parse(meta::text(container, "/state/terminated/finishedAt"))).max()
}

/// Why a Job ended.
struct End {
    /// The conditions that say so, the early one first.
    kinds: [&'static str; 2],
    reason: &'static str,
    message: &'static str,
}

const DONE: End = End {
    kinds: ["SuccessCriteriaMet", "Complete"],
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
};
const GIVEN_UP: End = End {
    kinds: ["FailureTarget", "Failed"],
    reason: "BackoffLimitExceeded",
    message: "Job has reached the specified backoff limit",
};
const TOO_LATE: End = End {
    kinds: ["FailureTarget", "Failed"],
    reason: "DeadlineExceeded",
    message: "Job was active longer than specified deadline",
};

fn sync(round: &mut Round, job: &Value) {
    let suspended = job["spec"]["suspend"] == true;
    let attempts = Attempts::of(&round.objects, job);
    let end = if suspended { None } else { end(round, job, &attempts) };
    if suspended || end.is_some() {
        let namespace = meta::text(job, "/metadata/namespace");
        for pod in &attempts.active {
            // It may be gone already.
            let _ = round.objects.delete("Pod", namespace, meta::name(pod));
        }
    } else {
        start_pods(round, job, &attempts);
    }
    write_status(round, job, suspended, end.as_ref());
}

/// Whether a Job is at its end.
fn end(round: &mut Round, job: &Value, attempts: &Attempts) -> Option<End> {
    let count = |pointer| usize::try_from(number(job, pointer)).unwrap_or_default();
    let limit = job.pointer("/spec/activeDeadlineSeconds").and_then(Value::as_i64);
    let started = parse(meta::text(job, "/status/startTime"));
    let due = started.zip(limit).map(|(started, limit)| after(started, limit));
    if attempts.succeeded >= count("/spec/completions").max(1) {
        Some(DONE)
    } else if attempts.failed > count("/spec/backoffLimit") {
        Some(GIVEN_UP)
    } else if due.is_some_and(|due| due <= round.now) {
        Some(TOO_LATE)
    } else {
        due.into_iter().for_each(|due| round.look_again_at(due));
        None
    }
}

fn start_pods(round: &mut Round, job: &Value, attempts: &Attempts) {
    if let Some(failed) = attempts.last_failure {
        let doubled = PAUSE << (attempts.failed.saturating_sub(1)).min(6);
        let due = after(failed, doubled.min(LONGEST_PAUSE));
        if due > round.now {
            return round.look_again_at(due);
        }
    }
    let count = |pointer| usize::try_from(number(job, pointer)).unwrap_or_default();
    let left = count("/spec/completions").max(1).saturating_sub(attempts.succeeded);
    let wanted = left.min(count("/spec/parallelism"));
    for _ in attempts.active.len()..wanted {
        let template = &job["spec"]["template"];
        let mut pod = json!({"metadata": template["metadata"], "spec": template["spec"]});
        let metadata = meta::metadata(&mut pod);
        metadata.insert("generateName".to_owned(), json!(format!("{}-", meta::name(job))));
        metadata.insert("ownerReferences".to_owned(), owner_reference(job));
        // Its namespace may be on its way out.
        let _ = round.objects.create("Pod", meta::text(job, "/metadata/namespace"), pod);
    }
}

fn write_status(round: &Round, job: &Value, suspended: bool, end: Option<&End>) {
    let attempts = Attempts::of(&round.objects, job);
    // The last word is only said when all Pods have ended.
    let finished = end.filter(|_| attempts.active.is_empty() && attempts.terminating == 0);
    let now = round.now_text();
    let (namespace, name) = (meta::text(job, "/metadata/namespace"), meta::name(job));
    let counts = [("active", attempts.active.len()), ("succeeded", attempts.succeeded), ("failed", attempts.failed)];
    // It may be gone already.
    let _ = round.objects.update_status("Job", namespace, name, |job| {
        let was_suspended = conditions::find(job, "Suspended").is_some();
        let status = meta::fields(meta::field(job, "status"));
        for (name, count) in counts {
            meta::set(status, name, (count > 0).then(|| json!(count)));
        }
        status.insert("ready".to_owned(), json!(attempts.ready));
        status.insert("terminating".to_owned(), json!(attempts.terminating));
        status.insert("uncountedTerminatedPods".to_owned(), json!({}));
        if !suspended {
            status.entry("startTime").or_insert_with(|| json!(now));
        }
        if finished.is_some_and(|end| end.kinds == DONE.kinds) {
            status.insert("completionTime".to_owned(), json!(now));
        }
        let mut say = |kind, status, reason, message| {
            conditions::set(job, Condition { kind, status, reason, message }, &now, Some("lastProbeTime"));
        };
        if suspended {
            say("Suspended", "True", "JobSuspended", "Job suspended");
        } else if was_suspended {
            say("Suspended", "False", "JobResumed", "Job resumed");
        }
        if let Some(End { kinds: [early, _], reason, message }) = end {
            say(early, "True", reason, message);
        }
        if let Some(End { kinds: [_, last], reason, message }) = finished {
            say(last, "True", reason, message);
        }
    });
}
