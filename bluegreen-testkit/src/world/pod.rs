//! One pod. What it does is a pure function of the time, so that nothing has to run in the background.

use std::time::Duration;

use bluegreen_core::{Endpoint, ObstacleKind};

use super::behavior::{Behavior, Fate};

/// How long an image may be missing, as the Kubernetes backend has it.
const IMAGE_GRACE: Duration = Duration::from_secs(45);
/// How long a pod takes to finish its connections once it was asked to.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// How long an answer takes where nothing is said of it.
const LATENCY: Duration = Duration::from_millis(20);
/// After this many restarts waiting any longer is pointless.
const HOPELESS_RESTARTS: u32 = 3;

#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) endpoint: Endpoint,
    behavior: Behavior,
    start_time: Duration,
    /// When it was created, or was last told to behave differently.
    since: Duration,
    /// When it is due to become ready for the first time after `since`.
    ready_at: Duration,
    /// Restarts before `since`.
    restarts: u32,
    /// Whether it ever received production traffic.
    pub(crate) served: bool,
    /// When it was asked to finish its connections.
    pub(crate) draining: Option<Duration>,
    /// How many of [`WHOLE`](super::connections::WHOLE) open connections are its own.
    pub(crate) kept: u64,
}

/// What a pod is doing at one moment, and when that changes next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    /// Since when it is ready.
    pub(crate) ready: Option<Duration>,
    pub(crate) restarts: u32,
    /// The share of requests that it answers badly.
    pub(crate) failing: f64,
    /// How long it takes for an answer.
    pub(crate) latency: Duration,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) next: Option<Duration>,
}

/// What keeps a pod from being ready.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) kind: ObstacleKind,
    pub(crate) message: &'static str,
    pub(crate) since: Duration,
    pub(crate) grace: Option<Duration>,
}

impl Pod {
    /// A pod that is created at `now`.
    pub(crate) fn new(endpoint: Endpoint, behavior: Behavior, start_time: Duration, now: Duration) -> Self {
        let start_time = behavior.start_time.unwrap_or(start_time);
        Self {
            endpoint,
            behavior,
            start_time,
            since: now,
            ready_at: now.saturating_add(start_time),
            restarts: 0,
            served: false,
            draining: None,
            kept: 0,
        }
    }

    /// Makes it ready at `now`, however long it would still take to start.
    pub(crate) const fn start(&mut self, now: Duration) {
        self.ready_at = now;
    }

    /// Makes the pod behave like this from `now` on, as if it had become ready now, or, if it wasn't, had started now.
    pub(crate) fn behave(&mut self, behavior: Behavior, now: Duration) {
        let phase = self.phase(now);
        self.start_time = behavior.start_time.unwrap_or(self.start_time);
        self.behavior = behavior;
        self.restarts = phase.restarts;
        self.since = now;
        self.ready_at = match phase.ready {
            Some(_) => now,
            None => now.saturating_add(self.start_time),
        };
    }

    /// Whether connections that were opened to it stay open.
    pub(crate) fn keeps(&self, now: Duration) -> bool {
        self.phase(now).ready.is_some() && !self.is_drained(now)
    }

    /// Whether it has finished its connections.
    pub(crate) fn is_drained(&self, now: Duration) -> bool {
        self.drained_at().is_some_and(|at| at <= now)
    }

    /// When it will have finished its connections, or when it had.
    pub(crate) fn drained_at(&self) -> Option<Duration> {
        self.draining.map(|since| since.saturating_add(DRAIN_TIME))
    }

    /// What it is doing at `now`.
    pub(crate) fn phase(&self, now: Duration) -> Phase {
        match self.behavior.fate {
            Fate::ImageMissing => self.down(self.since, ObstacleKind::ImagePull, None),
            Fate::NeverReady => self.down(self.since, ObstacleKind::NotReady, None),
            _ if now < self.ready_at => self.down(self.since, ObstacleKind::NotReady, Some(self.ready_at)),
            Fate::StaysReady => self.up(self.ready_at, now, None),
            Fate::UnreadyAfter(after) => match self.ready_at.saturating_add(after) {
                end if now < end => self.up(self.ready_at, now, Some(end)),
                end => self.down(end, ObstacleKind::NotReady, None),
            },
            Fate::CrashingAfter(after) => self.crashing(after, now),
        }
    }

    /// Ready, exited, waiting for the restart, starting, ready, and so on.
    fn crashing(&self, after: Duration, now: Duration) -> Phase {
        let first = self.ready_at.saturating_add(after);
        let mut ready_at = self.ready_at;
        let mut crashes = 0;
        let mut phase = loop {
            if now < ready_at {
                break self.down(first, ObstacleKind::CrashLoop, Some(ready_at));
            }
            let crash = ready_at.saturating_add(after);
            if now < crash {
                break self.up(ready_at, now, Some(crash));
            }
            crashes += 1;
            ready_at = crash.saturating_add(pause(crashes)).saturating_add(self.start_time);
        };
        phase.restarts += crashes;
        if let Some(trouble) = &mut phase.trouble {
            trouble.grace = (crashes >= HOPELESS_RESTARTS).then_some(Duration::ZERO);
        }
        phase
    }

    fn up(&self, since: Duration, now: Duration, until: Option<Duration>) -> Phase {
        let (failing, slow) = (self.behavior.failing, self.behavior.slow);
        let begin = |from: Duration| since.saturating_add(from);
        let begins = failing.map(|failing| begin(failing.from)).into_iter().chain(slow.map(|slow| begin(slow.from)));
        Phase {
            ready: Some(since),
            restarts: self.restarts,
            failing: failing.filter(|failing| begin(failing.from) <= now).map_or(0.0, |failing| failing.share),
            latency: slow.filter(|slow| begin(slow.from) <= now).map_or(LATENCY, |slow| slow.latency),
            trouble: None,
            next: until.into_iter().chain(begins.filter(|begin| *begin > now)).min(),
        }
    }

    const fn down(&self, since: Duration, kind: ObstacleKind, next: Option<Duration>) -> Phase {
        let (message, grace) = match kind {
            ObstacleKind::ImagePull => ("Back-off pulling image: not found", Some(IMAGE_GRACE)),
            ObstacleKind::CrashLoop => ("back-off restarting failed container app: exit code 1", None),
            _ => ("container app is not ready", None),
        };
        Phase {
            ready: None,
            restarts: self.restarts,
            failing: 0.0,
            latency: LATENCY,
            trouble: Some(Trouble { kind, message, since, grace }),
            next,
        }
    }
}

/// How long a container waits for its n-th restart, as the kubelet has it.
fn pause(restart: u32) -> Duration {
    let doubled = 10_u64 << restart.saturating_sub(1).min(5);
    Duration::from_secs(doubled.min(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn pod(behavior: Behavior) -> Pod {
        let endpoint = Endpoint { id: "1".to_owned(), name: "a".to_owned(), address: None };
        Pod::new(endpoint, behavior, secs(2), secs(10))
    }

    /// (ready, restarts, next) at a second.
    fn at(pod: &Pod, second: u64) -> (bool, u32, Option<u64>) {
        let phase = pod.phase(secs(second));
        (phase.ready.is_some(), phase.restarts, phase.next.map(|next| next.as_secs()))
    }

    #[test]
    fn readiness_follows_the_fate() {
        let crashing = pod(Behavior::crashing_after(secs(5)));
        let looping = pod(Behavior::crashing_after(secs(0)));
        for (name, pod, second, expected) in [
            ("starting", pod(Behavior::healthy()), 11, (false, 0, Some(12))),
            ("healthy", pod(Behavior::healthy()), 12, (true, 0, None)),
            ("slow", pod(Behavior::healthy().starting_in(secs(9))), 18, (false, 0, Some(19))),
            ("never", pod(Behavior::never_ready()), 900, (false, 0, None)),
            ("no image", pod(Behavior::image_missing()), 900, (false, 0, None)),
            ("still ready", pod(Behavior::unready_after(secs(3))), 14, (true, 0, Some(15))),
            ("unready", pod(Behavior::unready_after(secs(3))), 15, (false, 0, None)),
            ("before the crash", crashing.clone(), 16, (true, 0, Some(17))),
            ("crashed", crashing.clone(), 17, (false, 1, Some(29))),
            ("up again", crashing.clone(), 29, (true, 1, Some(34))),
            ("crashed again", crashing, 34, (false, 2, Some(56))),
            ("crashed at start", looping.clone(), 12, (false, 1, Some(24))),
            ("and again", looping.clone(), 24, (false, 2, Some(46))),
            ("hopeless", looping, 46, (false, 3, Some(88))),
        ] {
            assert_eq!(at(&pod, second), expected, "{name}");
        }
    }

    #[test]
    fn a_crash_loop_is_hopeless_after_three_restarts() {
        let pod = pod(Behavior::crashing_after(secs(0)));
        for (second, grace) in [(24, None), (46, Some(Duration::ZERO))] {
            let trouble = pod.phase(secs(second)).trouble.unwrap();
            assert_eq!((trouble.kind, trouble.since, trouble.grace), (ObstacleKind::CrashLoop, secs(12), grace));
        }
    }

    #[test]
    fn bad_answers_begin_when_told() {
        let pod = pod(Behavior::failing(0.25).from(secs(60)));
        assert_eq!((pod.phase(secs(71)).failing, pod.phase(secs(71)).next), (0.0, Some(secs(72))));
        assert_eq!((pod.phase(secs(72)).failing, pod.phase(secs(72)).next), (0.25, None));
    }

    #[test]
    fn a_new_behavior_counts_from_now_and_keeps_the_restarts() {
        let mut pod = pod(Behavior::crashing_after(secs(5)));
        pod.behave(Behavior::unready_after(secs(4)), secs(30));
        assert_eq!(at(&pod, 33), (true, 1, Some(34)));
        pod.behave(Behavior::healthy(), secs(40));
        assert_eq!(at(&pod, 41), (false, 1, Some(42)));
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert_eq!([1, 2, 5, 6, 60].map(|n| pause(n).as_secs()), [10, 20, 160, 300, 300]);
    }
}
