//! Deployments: a ReplicaSet for each template, and a rollout from one to the next.

use serde_json::{Value, json};

use super::super::meta;
use super::deployment_status::{self, Sets};
use super::owned::{controlled_by, has_ended, number, owner_reference};
use super::rollout::{Limits, Sizes};
use super::round::Round;
use super::template;

const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";

pub(super) fn run(round: &mut Round) {
    for deployment in round.objects.list("Deployment", "") {
        if !meta::is_deleting(&deployment) {
            Family::of(round, &deployment).run(round);
        }
    }
}

/// A Deployment and its ReplicaSets, as one round sees them.
struct Family<'a> {
    deployment: &'a Value,
    namespace: &'a str,
    limits: Limits,
    /// The ReplicaSet of the present template, if there is one.
    new: Option<Value>,
    /// The others, the oldest first.
    old: Vec<Value>,
}

impl<'a> Family<'a> {
    fn of(round: &Round, deployment: &'a Value) -> Self {
        let namespace = meta::text(deployment, "/metadata/namespace");
        let all = round.objects.list("ReplicaSet", namespace);
        let mut owned: Vec<Value> = controlled_by(&all, deployment).cloned().collect();
        owned.sort_by_key(|set| meta::uid(set).to_owned());
        let wanted = &deployment["spec"]["template"];
        let at = owned.iter().position(|set| template::is_same(&set["spec"]["template"], wanted));
        let new = at.map(|at| owned.remove(at));
        Self { deployment, namespace, limits: Limits::of(deployment), new, old: owned }
    }

    fn run(mut self, round: &mut Round) {
        if self.deployment["spec"]["paused"] == true {
            self.scale_only_active(round);
        } else {
            self.ensure_new(round);
            self.number(round);
            self.roll(round);
            self.clean_up(round);
        }
        // The ReplicaSets are as they were before this round; what was just made of them is the next round's.
        let sets = Sets { new: self.new.as_ref(), old: &self.old };
        deployment_status::write(round, self.deployment, self.limits, sets);
    }

    fn sizes(&self) -> (Sizes, Vec<Sizes>) {
        let none = Sizes { asked: 0, available: 0 };
        (self.new.as_ref().map_or(none, Sizes::of), self.old.iter().map(Sizes::of).collect())
    }

    /// While it is paused, it is only scaled.
    fn scale_only_active(&self, round: &Round) {
        let sets: Vec<&Value> = self.old.iter().chain(&self.new).collect();
        let active = sets.iter().filter(|set| number(set, "/spec/replicas") > 0);
        if let [only] = active.copied().collect::<Vec<_>>()[..] {
            self.resize(round, only, self.limits.replicas);
        } else if let (Some(new), true) = (&self.new, sets.iter().all(|set| number(set, "/spec/replicas") == 0)) {
            self.resize(round, new, self.limits.replicas);
        }
    }

    fn ensure_new(&mut self, round: &Round) {
        if self.new.is_some() {
            return;
        }
        let template = &self.deployment["spec"]["template"];
        let hash = template::hash(template);
        let template = template::with_hash(template, &hash);
        let mut selector = self.deployment["spec"]["selector"].clone();
        meta::fields(meta::field(&mut selector, "matchLabels")).insert(template::HASH.to_owned(), json!(hash));
        let (_, old) = self.sizes();
        let first = self.limits.new_size(Sizes { asked: 0, available: 0 }, &old);
        let waits = self.recreates() && self.old_pods(round) > 0;
        let mut set = json!({
            "metadata": {
                "name": format!("{}-{hash}", meta::name(self.deployment)),
                "labels": template["metadata"]["labels"],
                "annotations": self.annotations(self.last_revision() + 1),
                "ownerReferences": owner_reference(self.deployment),
            },
            "spec": {"replicas": if waits { 0 } else { first }, "selector": selector, "template": template},
        });
        self.set_pace(&mut set);
        // The name is only taken if someone else made a ReplicaSet by it; the rollout waits for that one to go.
        self.new = round.objects.create("ReplicaSet", self.namespace, set).ok();
    }

    fn annotations(&self, revision: i64) -> Value {
        json!({
            REVISION: revision.to_string(), DESIRED: self.limits.replicas.to_string(),
            MOST: self.limits.most().to_string(),
        })
    }

    fn last_revision(&self) -> i64 {
        self.old.iter().map(revision).max().unwrap_or_default()
    }

    /// The new ReplicaSet has the highest revision, and the Deployment shows it.
    fn number(&self, round: &Round) {
        let Some(new) = &self.new else { return };
        let wanted = revision(new).max(self.last_revision() + 1);
        let annotations = self.annotations(wanted);
        // Both fail only if the object is gone already.
        let _ = round.objects.update("ReplicaSet", self.namespace, meta::name(new), |set| annotate(set, &annotations));
        let shown = json!({REVISION: wanted.to_string()});
        let name = meta::name(self.deployment);
        let _ = round.objects.update_status("Deployment", self.namespace, name, |it| annotate(it, &shown));
    }

    fn roll(&self, round: &Round) {
        let Some(new) = &self.new else { return };
        let (new_sizes, old_sizes) = self.sizes();
        let old =
            if self.recreates() { vec![0; old_sizes.len()] } else { self.limits.old_sizes(new_sizes, &old_sizes) };
        for (set, size) in self.old.iter().zip(old) {
            self.resize(round, set, size);
        }
        if !(self.recreates() && self.old_pods(round) > 0) {
            let size =
                if self.recreates() { self.limits.replicas } else { self.limits.new_size(new_sizes, &old_sizes) };
            self.resize(round, new, size);
        }
    }

    fn recreates(&self) -> bool {
        meta::text(self.deployment, "/spec/strategy/type") == "Recreate"
    }

    /// How many Pods of the old ReplicaSets still run.
    fn old_pods(&self, round: &Round) -> usize {
        let pods = round.objects.list("Pod", self.namespace);
        self.old.iter().flat_map(|set| controlled_by(&pods, set)).filter(|pod| !has_ended(pod)).count()
    }

    fn resize(&self, round: &Round, set: &Value, size: i64) {
        let annotations = json!({DESIRED: self.limits.replicas.to_string(), MOST: self.limits.most().to_string()});
        // It may be gone already.
        let _ = round.objects.update("ReplicaSet", self.namespace, meta::name(set), |set| {
            set["spec"]["replicas"] = json!(size);
            self.set_pace(set);
            annotate(set, &annotations);
        });
    }

    fn set_pace(&self, set: &mut Value) {
        let pace = self.deployment.pointer("/spec/minReadySeconds").cloned();
        meta::set(meta::fields(meta::field(set, "spec")), "minReadySeconds", pace);
    }

    /// Removes the oldest ReplicaSets that nobody needs any more.
    fn clean_up(&self, round: &Round) {
        let limit = usize::try_from(number(self.deployment, "/spec/revisionHistoryLimit")).unwrap_or_default();
        let idle = |set: &&Value| number(set, "/spec/replicas") == 0 && number(set, "/status/replicas") == 0;
        let idle: Vec<&Value> = self.old.iter().filter(idle).collect();
        for set in &idle[..idle.len().saturating_sub(limit)] {
            // It may be gone already.
            let _ = round.objects.delete("ReplicaSet", self.namespace, meta::name(set));
        }
    }
}

fn revision(set: &Value) -> i64 {
    annotation(set, REVISION).parse().unwrap_or_default()
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"]["annotations"][name].as_str().unwrap_or_default()
}

fn annotate(object: &mut Value, annotations: &Value) {
    let at = meta::metadata(object).entry("annotations").or_insert_with(|| json!({}));
    meta::fields(at).extend(annotations.as_object().cloned().unwrap_or_default());
}
