//! Measuring a color of the world.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, ErrorSignal, Measure, Window};

use super::fault::Site;
use super::shared::Shared;
use super::state::State;
use super::time::elapsed;

/// A signal of a [`World`](super::World): counts what the color's pods answered to users, and how much of it badly.
///
/// Says something else while [`World::signal_returns`](super::World::signal_returns) is set for its name.
#[derive(Debug, Clone)]
pub struct WorldSignal {
    shared: Arc<Shared>,
    name: String,
}

impl WorldSignal {
    pub(crate) const fn new(shared: Arc<Shared>, name: String) -> Self {
        Self { shared, name }
    }
}

#[async_trait]
impl ErrorSignal for WorldSignal {
    fn describe(&self) -> Description {
        Description::new("WorldSignal").with("name", &*self.name)
    }

    async fn sample(&self, color: Color, window: Window) -> Result<Measure, BackendError> {
        let site = Site::new("signal.sample", "sample", &*self.name);
        let name = self.name.clone();
        let sample = move |state: &mut State| {
            let said = state.measures.get(&name).cloned();
            Ok(said.unwrap_or_else(|| state.measure(color, window)))
        };
        self.shared.call(site, sample).await
    }
}

impl State {
    /// What the pods of `color` answered in `window`, as far as it has passed. Lost requests reached none of them.
    fn measure(&self, color: Color, window: Window) -> Measure {
        let to = elapsed(window.to).min(self.now);
        let answers = self.timeline.answers(color, elapsed(window.from), to);
        match answers.good + answers.bad {
            0 => Measure::NoData { why: format!("no pod of {color} answered a request") },
            total => Measure::Counts { bad: answers.bad, total },
        }
    }
}
