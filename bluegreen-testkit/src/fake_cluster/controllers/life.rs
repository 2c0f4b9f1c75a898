//! What the containers of a Pod are doing: a pure function of the time since they were started.

use std::time::Duration;

use crate::world::{Behavior, Fate};

/// How long a container takes from its start to readiness, unless its behavior says otherwise.
const START_TIME: Duration = Duration::from_secs(1);

/// How long a failed pull stays visible before the pause.
const PULL: Duration = Duration::from_secs(2);

/// The containers at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) doing: Doing,
    /// How often they were started again.
    pub(super) restarts: u32,
    /// The run before this one: from when to when.
    pub(super) last_run: Option<(Duration, Duration)>,
    /// When this ends.
    pub(super) next: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// The image is being pulled, which fails.
    Pulling,
    /// The next pull is waited for; a pause of this length.
    PullPause(Duration),
    Running {
        since: Duration,
        ready: bool,
    },
    /// The next restart is waited for; a pause of this length.
    RestartPause(Duration),
    /// For good.
    Ended {
        since: Duration,
        at: Duration,
        well: bool,
    },
}

/// How long a container takes from its start to readiness.
pub(super) fn start_time(behavior: Behavior) -> Duration {
    behavior.start_time.unwrap_or(START_TIME)
}

/// What the containers are doing `now`, which counts from their first start. If they are not to be restarted, they end
/// well as soon as they have started, unless their behavior is another.
pub(super) fn at(behavior: Behavior, restarted: bool, now: Duration) -> Moment {
    let start = start_time(behavior);
    match behavior.fate {
        Fate::ImageMissing => pulling(now),
        Fate::NeverReady => running(Duration::ZERO, false, None),
        Fate::StaysReady if !restarted => once(start, true, now),
        Fate::CrashingAfter(after) if !restarted => once(start.saturating_add(after), false, now),
        Fate::StaysReady | Fate::UnreadyAfter(_) if now < start => running(Duration::ZERO, false, Some(start)),
        Fate::StaysReady => running(Duration::ZERO, true, None),
        Fate::UnreadyAfter(after) => {
            let end = start.saturating_add(after);
            running(Duration::ZERO, now < end, (now < end).then_some(end))
        }
        Fate::CrashingAfter(after) => crashing(start, after, now),
    }
}

const fn running(since: Duration, ready: bool, next: Option<Duration>) -> Moment {
    Moment { doing: Doing::Running { since, ready }, restarts: 0, last_run: None, next }
}

fn once(end: Duration, well: bool, now: Duration) -> Moment {
    if now < end {
        return running(Duration::ZERO, false, Some(end));
    }
    let doing = Doing::Ended { since: Duration::ZERO, at: end, well };
    Moment { doing, restarts: 0, last_run: None, next: None }
}

fn pulling(now: Duration) -> Moment {
    let mut begin = Duration::ZERO;
    let mut tries = 0;
    loop {
        tries += 1;
        let (failed, wait) = (begin.saturating_add(PULL), pause(tries));
        let again = failed.saturating_add(wait);
        let moment = |doing, next| Moment { doing, restarts: 0, last_run: None, next: Some(next) };
        if now < failed {
            return moment(Doing::Pulling, failed);
        }
        if now < again {
            return moment(Doing::PullPause(wait), again);
        }
        begin = again;
    }
}

/// Starting, ready, ended, waiting, starting, and so on. The first restart comes at once.
fn crashing(start: Duration, after: Duration, now: Duration) -> Moment {
    let mut begin = Duration::ZERO;
    let (mut restarts, mut last_run) = (0, None);
    loop {
        let ready = begin.saturating_add(start);
        let end = ready.saturating_add(after);
        let moment = |doing, next| Moment { doing, restarts, last_run, next: Some(next) };
        if now < ready {
            return moment(Doing::Running { since: begin, ready: false }, ready);
        }
        if now < end {
            return moment(Doing::Running { since: begin, ready: true }, end);
        }
        let wait = if restarts == 0 { Duration::ZERO } else { pause(restarts) };
        last_run = Some((begin, end));
        begin = end.saturating_add(wait);
        if now < begin {
            return Moment { doing: Doing::RestartPause(wait), restarts, last_run, next: Some(begin) };
        }
        restarts += 1;
    }
}

/// How long the node waits the n-th time: 10 s, doubled up to 5 minutes.
fn pause(n: u32) -> Duration {
    let doubled = 10_u64 << n.saturating_sub(1).min(5);
    Duration::from_secs(doubled.min(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// (ready, restarts, next) at a second; `None` while nothing runs.
    fn at_second(behavior: Behavior, restarted: bool, second: u64) -> (Option<bool>, u32, Option<u64>) {
        let moment = at(behavior, restarted, secs(second));
        let ready = match moment.doing {
            Doing::Running { ready, .. } => Some(ready),
            _ => None,
        };
        (ready, moment.restarts, moment.next.map(|next| next.as_secs()))
    }

    #[test]
    fn containers_do_what_their_behavior_says() {
        let crashing = Behavior::crashing_after(secs(5));
        let looping = Behavior::crashing_after(secs(0));
        for (name, behavior, second, expected) in [
            ("starting", Behavior::healthy(), 0, (Some(false), 0, Some(1))),
            ("healthy", Behavior::healthy(), 1, (Some(true), 0, None)),
            ("slow", Behavior::healthy().starting_in(secs(9)), 8, (Some(false), 0, Some(9))),
            ("never", Behavior::never_ready(), 900, (Some(false), 0, None)),
            ("still ready", Behavior::unready_after(secs(3)), 3, (Some(true), 0, Some(4))),
            ("unready", Behavior::unready_after(secs(3)), 4, (Some(false), 0, None)),
            ("before the crash", crashing, 5, (Some(true), 0, Some(6))),
            ("restarted at once", crashing, 6, (Some(false), 1, Some(7))),
            ("crashed again", crashing, 12, (None, 1, Some(22))),
            ("up again", crashing, 23, (Some(true), 2, Some(28))),
            ("crashed at start", looping, 1, (Some(false), 1, Some(2))),
            ("waiting", looping, 2, (None, 1, Some(12))),
            ("waiting longer", looping, 13, (None, 2, Some(33))),
        ] {
            assert_eq!(at_second(behavior, true, second), expected, "{name}");
        }
    }

    #[test]
    fn a_missing_image_is_pulled_again_and_again() {
        let doing = |second| at(Behavior::image_missing(), true, secs(second)).doing;
        assert_eq!(
            [doing(0), doing(2), doing(12), doing(14)],
            [Doing::Pulling, Doing::PullPause(secs(10)), Doing::Pulling, Doing::PullPause(secs(20))]
        );
    }

    #[test]
    fn what_is_not_restarted_ends() {
        let doing = |behavior| at(behavior, false, secs(9)).doing;
        let ended = |at, well| Doing::Ended { since: secs(0), at: secs(at), well };
        assert_eq!(doing(Behavior::healthy()), ended(1, true));
        assert_eq!(doing(Behavior::crashing_after(secs(2))), ended(3, false));
        assert_eq!(doing(Behavior::never_ready()), Doing::Running { since: secs(0), ready: false });
    }
}
