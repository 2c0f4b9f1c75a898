//! What can happen next: that everything goes well, or one of many disturbances.

use std::fmt;

use bluegreen_core::Color;

use crate::node::Node;
use crate::setup::{NEW, OLD};
use crate::world::{Measured, Server};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// What the engine asked for is done, and nothing else happens.
    Goes,
    /// A write whose sender gave it up arrives.
    Lands(usize),
    /// Something else happens before the watches tell what they saw.
    WatchIsLate,
    Read(ReadFault),
    Write(Fate),
    /// What becomes of all writes from now on.
    Server(Server),
    Crash(Crash, Downtime),
    Asked(Ask),
    /// A pause goes on for long.
    StaysPaused,
    Edited(usize, Edit),
    /// Another holder raises.
    Taken {
        same_rollout: bool,
    },
    Pods(Color, Pods),
    Check(CheckFault),
    Measures(Source, Measured, Lasting),
    JournalIsLost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadFault {
    Fails,
    Hopeless,
    Slow,
}

/// What becomes of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    Refused,
    Hopeless,
    /// No answer, and no effect ever.
    Lost,
    /// No answer, but it took effect.
    Unheard,
    /// No answer, and it may land later.
    InFlight,
}

/// The process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// What isn't in the journal yet is forgotten.
    Unsaved,
    /// Everything is in the journal.
    Saved,
    /// After the intent was journaled, before anything was sent.
    Unsent,
    /// After the write took effect, before that was journaled.
    Landed,
    /// With the write on its way.
    InFlight,
    /// After an activity took effect, before that was journaled.
    Done,
}

/// How long nobody performs the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Downtime {
    None,
    PastAllDeadlines,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Pause,
    Approve,
    TurnBack,
    TurnBackByForce,
}

/// What a person does to an object of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    ToOtherColor,
    KeyRemoved,
    /// Replaced by a manifest that routes as before, without our mark.
    MarkRemoved,
}

/// What happens to a color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pods {
    Die,
    Flicker,
    Restart,
    Shrink,
    Grow,
    Redeployed,
    Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckFault {
    Fails,
    NeverEnds,
    EndsLate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Pods,
    Probe,
    Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    Once,
    ForGood,
}

impl Move {
    /// What needs nothing to go wrong now: going on, and the arrival of what was sent.
    pub(crate) const fn is_free(self) -> bool {
        matches!(self, Self::Goes | Self::Lands(_))
    }

    /// Whether a rollout has to get over it.
    pub(crate) fn is_harmless(self, at: &Node) -> bool {
        match self {
            Self::Goes | Self::Lands(_) | Self::WatchIsLate => true,
            // A pause doesn't stop the clock of an approval.
            Self::StaysPaused => at.process.state().plan().approval.is_none(),
            Self::Read(fault) => fault != ReadFault::Hopeless,
            Self::Write(fate) => fate != Fate::Hopeless,
            Self::Asked(ask) => matches!(ask, Ask::Pause | Ask::Approve),
            Self::Check(fault) => fault == CheckFault::EndsLate,
            Self::Pods(OLD, pods) => pods == Pods::Grow,
            Self::Pods(NEW, pods) => pods == Pods::Flicker && !at.process.state().traffic_sent,
            // A migration of which there is no trace may not be begun again.
            Self::Crash(Crash::Saved, Downtime::None) => !at.is_about_to_migrate(),
            Self::Crash(_, downtime) => downtime == Downtime::None,
            _ => false,
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goes => f.write_str("done"),
            Self::Lands(_) => f.write_str("a write that got no answer lands now"),
            Self::WatchIsLate => f.write_str("the watch is late to tell"),
            Self::Read(ReadFault::Fails) => f.write_str("the read fails"),
            Self::Read(ReadFault::Hopeless) => f.write_str("the read is denied"),
            Self::Read(ReadFault::Slow) => f.write_str("the read takes long"),
            Self::Write(Fate::Arrives) => f.write_str("the write arrives"),
            Self::Write(Fate::Refused) => f.write_str("the write is refused for now"),
            Self::Write(Fate::Hopeless) => f.write_str("the write is refused for good"),
            Self::Write(Fate::Lost) => f.write_str("no answer; it never lands"),
            Self::Write(Fate::Unheard) => f.write_str("no answer, but it landed"),
            Self::Write(Fate::InFlight) => f.write_str("no answer; it may land later"),
            Self::Server(Server::Refuses) => f.write_str("every write is refused from now on"),
            Self::Server(_) => f.write_str("no write is answered from now on, and none lands"),
            Self::Crash(crash, downtime) => {
                let when = match crash {
                    Crash::Unsaved => "before the last records are in the journal",
                    Crash::Saved => "now",
                    Crash::Unsent => "after the intent, before the write is sent",
                    Crash::Landed => "after the write landed",
                    Crash::InFlight => "while the write is on its way",
                    Crash::Done => "after it was done",
                };
                let until = if *downtime == Downtime::None { "at once" } else { "after all deadlines" };
                write!(f, "the process dies {when}; another one recovers {until}")
            }
            Self::Asked(ask) => write!(f, "a person asks: {ask:?}"),
            Self::StaysPaused => f.write_str("it stays paused for long"),
            Self::Edited(object, edit) => write!(f, "a person edits object {object} of the route: {edit:?}"),
            Self::Taken { same_rollout: true } => f.write_str("another process recovers the same rollout and raises"),
            Self::Taken { same_rollout: false } => f.write_str("another rollout takes over and raises"),
            Self::Pods(color, pods) => write!(f, "{color}: {pods:?}"),
            Self::Check(fault) => write!(f, "the check: {fault:?}"),
            Self::Measures(source, measured, lasting) => write!(f, "{source:?} measures {measured:?}, {lasting:?}"),
            Self::JournalIsLost => f.write_str("the journal can't be written any more"),
        }
    }
}
