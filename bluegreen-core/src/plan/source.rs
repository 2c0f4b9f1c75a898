//! What measures during a watch.

use std::fmt;
use std::str::FromStr;

use super::watch::WatchSpec;
use crate::backend::{Measure, Verdict};

/// What measures during a watch, as samples name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceName {
    /// A look at the pods of the new color.
    Pods,
    /// A look at the pods of the old color.
    Guard,
    /// A probe of the plan, counted from 0.
    Probe(usize),
    /// A signal of the plan, counted from 0.
    Signal(usize),
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods => f.write_str("pods"),
            Self::Guard => f.write_str("guard"),
            Self::Probe(index) => write!(f, "probe {}", index + 1),
            Self::Signal(index) => write!(f, "signal {}", index + 1),
        }
    }
}

impl FromStr for SourceName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let index = |number: &str| number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).ok_or(());
        match text.split_once(' ') {
            None if text == "pods" => Ok(Self::Pods),
            None if text == "guard" => Ok(Self::Guard),
            Some(("probe", number)) => index(number).map(Self::Probe),
            Some(("signal", number)) => index(number).map(Self::Signal),
            _ => Err(()),
        }
    }
}

impl WatchSpec {
    /// Everything that a watch must hear from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = SourceName> {
        let probes = (0..self.probes.len()).map(SourceName::Probe);
        let signals = (0..self.signals.len()).map(SourceName::Signal);
        [SourceName::Pods, SourceName::Guard].into_iter().chain(probes).chain(signals)
    }

    /// What one measurement counts as. Pods and guard are judged as they are now; a sample only shows that they were seen.
    pub(crate) fn judge(&self, source: SourceName, measure: &Measure) -> Verdict {
        match (source, measure) {
            (SourceName::Signal(index), measure) => {
                self.signals.get(index).map_or(Verdict::Inconclusive, |signal| signal.criterion.judge(measure))
            }
            (SourceName::Probe(_), Measure::Counts { bad: 0, total: 1.. }) => Verdict::Pass,
            (SourceName::Probe(_), _) => Verdict::Fail,
            (SourceName::Pods | SourceName::Guard, Measure::NoData { .. }) => Verdict::Inconclusive,
            (SourceName::Pods | SourceName::Guard, _) => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for source in [SourceName::Pods, SourceName::Guard, SourceName::Probe(0), SourceName::Signal(11)] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        for text in ["", "probe", "probe 0", "probe x", "pods 1"] {
            assert_eq!(text.parse::<SourceName>(), Err(()), "{text}");
        }
    }
}
