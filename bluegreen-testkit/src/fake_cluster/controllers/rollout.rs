//! How far a Deployment's ReplicaSets may grow and shrink in one step. Pure.

use serde_json::Value;

use super::super::meta;
use super::owned::number;

/// The sizes of one ReplicaSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// How many Pods it is asked for.
    pub(super) asked: i64,
    pub(super) available: i64,
}

impl Sizes {
    pub(super) fn of(set: &Value) -> Self {
        Self { asked: number(set, "/spec/replicas"), available: number(set, "/status/availableReplicas") }
    }
}

/// How many Pods there may be during a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) replicas: i64,
    pub(super) surge: i64,
    pub(super) unavailable: i64,
}

impl Limits {
    pub(super) fn of(deployment: &Value) -> Self {
        let replicas = number(deployment, "/spec/replicas");
        if meta::text(deployment, "/spec/strategy/type") == "Recreate" {
            return Self { replicas, surge: 0, unavailable: 0 };
        }
        let share = |name: &str| deployment.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
        let surge = resolve(share("maxSurge"), replicas, true);
        let unavailable = resolve(share("maxUnavailable"), replicas, false);
        // With neither nothing could ever move.
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable.min(replicas) };
        Self { replicas, surge, unavailable }
    }

    /// How many Pods there may be at most.
    pub(super) const fn most(self) -> i64 {
        self.replicas + self.surge
    }

    /// How many Pods have to be available.
    pub(super) const fn least_available(self) -> i64 {
        self.replicas - self.unavailable
    }

    /// The size that the new ReplicaSet gets now.
    pub(super) fn new_size(self, new: Sizes, old: &[Sizes]) -> i64 {
        let all = new.asked + old.iter().map(|old| old.asked).sum::<i64>();
        if new.asked >= self.replicas {
            self.replicas
        } else {
            new.asked + (self.most() - all).clamp(0, self.replicas - new.asked)
        }
    }

    /// The sizes that the old ReplicaSets get now, the oldest first: Pods that aren't available go first.
    pub(super) fn old_sizes(self, new: Sizes, old: &[Sizes]) -> Vec<i64> {
        let mut sizes: Vec<i64> = old.iter().map(|old| old.asked).collect();
        let all = new.asked + sizes.iter().sum::<i64>();
        let mut room = all - self.least_available() - (new.asked - new.available);
        for (size, old) in sizes.iter_mut().zip(old) {
            let unhealthy = (old.asked - old.available).clamp(0, room.max(0));
            *size -= unhealthy;
            room -= unhealthy;
        }
        let available = new.available + old.iter().map(|old| old.available).sum::<i64>();
        let mut room = room.min(available - self.least_available());
        for size in &mut sizes {
            let less = (*size).clamp(0, room.max(0));
            *size -= less;
            room -= less;
        }
        sizes
    }
}

/// A number, or a share of `replicas`.
fn resolve(value: Option<&Value>, replicas: i64, up: bool) -> i64 {
    let Some(value) = value else { return 0 };
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<i64>().ok());
    match percent {
        Some(percent) if up => (replicas * percent + 99) / 100,
        Some(percent) => replicas * percent / 100,
        None => value.as_i64().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn limits(replicas: i64) -> Limits {
        let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
        Limits::of(&json!({"spec": {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}}))
    }

    const fn sizes(asked: i64, available: i64) -> Sizes {
        Sizes { asked, available }
    }

    #[test]
    fn shares_of_replicas_are_rounded_so_that_a_rollout_can_move() {
        assert_eq!(limits(4), Limits { replicas: 4, surge: 1, unavailable: 1 });
        assert_eq!(limits(2), Limits { replicas: 2, surge: 1, unavailable: 0 });
        let fixed =
            json!({"spec": {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}});
        assert_eq!(Limits::of(&fixed).unavailable, 1);
    }

    #[test]
    fn a_rollout_goes_step_by_step() {
        let old = [sizes(2, 2)];
        assert_eq!(limits(2).new_size(sizes(0, 0), &old), 1);
        assert_eq!(limits(2).old_sizes(sizes(1, 0), &old), [2]);
        assert_eq!(limits(2).old_sizes(sizes(1, 1), &old), [1]);
        assert_eq!(limits(2).new_size(sizes(1, 1), &[sizes(1, 1)]), 2);
        assert_eq!(limits(2).old_sizes(sizes(2, 2), &[sizes(1, 1)]), [0]);
    }

    #[test]
    fn old_pods_that_are_not_available_go_first() {
        assert_eq!(limits(2).old_sizes(sizes(1, 1), &[sizes(1, 1), sizes(1, 0)]), [1, 0]);
    }
}
