//! A signal that says what it was told.

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, ErrorSignal, Measure, Window};

use super::script::Script;

/// A signal whose samples were decided beforehand, whatever the color and the window.
///
/// ```
/// use bluegreen_core::Measure;
/// use bluegreen_testkit::fake::FixedSignal;
///
/// let quiet = FixedSignal::new(Measure::Counts { bad: 0, total: 500 });
/// let spike = FixedSignal::each([0, 0, 40, 0].map(|bad| Measure::Counts { bad, total: 500 }));
/// ```
#[derive(Debug, Clone)]
pub struct FixedSignal {
    script: Script<Measure>,
}

impl FixedSignal {
    /// Always says `measure`.
    pub fn new(measure: Measure) -> Self {
        Self::each([measure])
    }

    /// Says one of `measures` after the other, and then the last for ever. With an empty list it never has data.
    pub fn each(measures: impl IntoIterator<Item = Measure>) -> Self {
        Self { script: Script::new(measures) }
    }

    /// How many samples were taken.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.script.given()
    }
}

#[async_trait]
impl ErrorSignal for FixedSignal {
    fn describe(&self) -> Description {
        Description::new("FixedSignal")
    }

    async fn sample(&self, _color: Color, _window: Window) -> Result<Measure, BackendError> {
        Ok(self.script.next().unwrap_or_else(|| Measure::NoData { why: "nothing was scripted".to_owned() }))
    }
}
