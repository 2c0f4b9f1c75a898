//! Asking a color of the world whether it works.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, HealthProbe, ProbeReport, ProbeTarget, Verdict, Via};

use super::fault::Site;
use super::shared::Shared;
use super::state::State;
use super::timeline::share;

/// A probe of a [`World`](super::World): one request to each color that the given path reaches.
///
/// It fails where there is no ready pod, and for the share of requests that the pods answer badly: with a share of 0.25,
/// every fourth check.
#[derive(Debug, Clone)]
pub struct WorldProbe {
    shared: Arc<Shared>,
    name: String,
}

impl WorldProbe {
    pub(crate) const fn new(shared: Arc<Shared>, name: String) -> Self {
        Self { shared, name }
    }
}

#[async_trait]
impl HealthProbe for WorldProbe {
    fn describe(&self) -> Description {
        Description::new("WorldProbe").with("name", &*self.name)
    }

    fn needs_address(&self) -> bool {
        true
    }

    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let site = Site::new("probe.check", "probe", &*self.name);
        let (name, target) = (self.name.clone(), target.clone());
        self.shared.call(site, move |state| state.probe(name.clone(), &target)).await
    }
}

impl State {
    fn probe(&mut self, name: String, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let Some(address) = &target.address else {
            return Err(BackendError::Unusable { object: name, message: "a probe needs an address to ask".to_owned() });
        };
        let asked = self.probes.entry(name).or_default();
        *asked += 1;
        let asked = *asked;
        let flow = self.flow();
        let reached = |color: &Color| match target.via {
            Via::Production => flow.reaches(*color),
            Via::Preview => *color == target.color,
        };
        let mut reached = Color::ALL.into_iter().filter(reached).peekable();
        let problem = match reached.peek() {
            None => Some("no answer: it leads nowhere".to_owned()),
            Some(_) => reached.find_map(|color| self.bad_answer(color, asked)),
        };
        Ok(ProbeReport {
            verdict: if problem.is_some() { Verdict::Fail } else { Verdict::Pass },
            summary: format!("{address}: {}", problem.as_deref().unwrap_or("200 OK")),
            tries: 1,
        })
    }

    /// What is wrong with the answer of `color` to the n-th request.
    fn bad_answer(&self, color: Color, request: u64) -> Option<String> {
        let slot = self.slot(color);
        let failing = self.failing(color);
        if slot.ready(self.now) == 0 {
            Some(format!("no answer: {color} has no ready pod"))
        } else if share(request, failing) > share(request - 1, failing) {
            Some(format!("500 from {color}"))
        } else {
            None
        }
    }
}
