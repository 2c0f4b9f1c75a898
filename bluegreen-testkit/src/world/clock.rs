//! Time and randomness that a test owns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bluegreen_core::{Clock, Entropy};
use jiff::Timestamp;
use tokio::time::Instant;

use super::time::timestamp;

/// The wall clock of a [`World`](super::World): follows tokio's, and begins at 2026-01-01T00:00:00Z.
#[derive(Debug, Clone)]
pub struct WorldClock {
    start: Instant,
}

impl WorldClock {
    pub(crate) const fn new(start: Instant) -> Self {
        Self { start }
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        timestamp(self.start.elapsed())
    }
}

/// The randomness of a [`World`](super::World): the same seed gives the same numbers in the same order.
#[derive(Debug, Clone)]
pub struct WorldEntropy {
    state: Arc<AtomicU64>,
}

/// The step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl WorldEntropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: Arc::new(AtomicU64::new(seed)) }
    }
}

impl Entropy for WorldEntropy {
    fn next(&self) -> u64 {
        let state = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_all_numbers() {
        let (one, same, other) = (WorldEntropy::new(7), WorldEntropy::new(7), WorldEntropy::new(8));
        let first = [one.next(), one.next()];
        assert_eq!(first, [same.next(), same.next()]);
        assert_ne!(first[0], first[1]);
        assert_ne!(first[0], other.next());
        // The published first value of SplitMix64 for seed 0.
        assert_eq!(WorldEntropy::new(0).next(), 0xe220_a839_7b1d_cdaf);
    }
}
