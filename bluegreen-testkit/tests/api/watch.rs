//! Reading the events of a watch, or the lines of a log, as they come.

use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tokio::time::timeout;

/// How long the next event may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A body that arrives in lines.
pub(crate) struct Lines {
    body: Body,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) const fn new(body: Body) -> Self {
        Self { body, buffer: Vec::new() }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("the server says nothing more");
            match frame {
                None => return None,
                Some(frame) => self.buffer.extend(frame.unwrap().into_data().unwrap_or_default()),
            }
        }
    }
}

/// A watch.
pub(crate) struct Watch(pub(crate) Lines);

impl Watch {
    /// The next event; `None` when the server has ended the watch.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        Some(serde_json::from_str(&self.0.next().await?).unwrap())
    }

    /// The next event that isn't a bookmark, in short: `("ADDED", "checkout")`. The watch must go on.
    pub(crate) async fn next_change(&mut self) -> (String, String) {
        loop {
            let event = self.next().await.expect("the watch ended");
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if event["type"] != "BOOKMARK" {
                assert_ne!(event["type"], "ERROR", "{event:#}");
                return (text(&event["type"]), text(&event["object"]["metadata"]["name"]));
            }
        }
    }

    /// The next events must be these.
    pub(crate) async fn expect(&mut self, expected: &[(&str, &str)]) {
        for (kind, name) in expected {
            let (found_kind, found_name) = self.next_change().await;
            assert_eq!((found_kind.as_str(), found_name.as_str()), (*kind, *name));
        }
    }
}
