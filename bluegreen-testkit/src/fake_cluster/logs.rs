//! What containers have written: set by tests, read through `pods/log`.

use std::collections::BTreeMap;

use super::store::Key;

/// Which output: of which container of which Pod, and whether of its last run or of the one before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) pod: Key,
    pub(crate) container: String,
    pub(crate) previous: bool,
}

/// The output of all containers.
#[derive(Debug, Default)]
pub(crate) struct Logs(BTreeMap<Source, String>);

impl Logs {
    /// Adds a line.
    pub(crate) fn write(&mut self, source: Source, line: &str) {
        let text = self.0.entry(source).or_default();
        text.push_str(line);
        text.push('\n');
    }

    /// All that was written; none if nothing ever was.
    pub(crate) fn read(&self, source: &Source) -> Option<&str> {
        self.0.get(source).map(String::as_str)
    }

    /// A container starts anew: what it wrote is now of the run before.
    pub(crate) fn restart(&mut self, pod: &Key, container: &str) {
        let source = |previous| Source { pod: pod.clone(), container: container.to_owned(), previous };
        let text = self.0.remove(&source(false)).unwrap_or_default();
        self.0.insert(source(true), text);
    }

    /// A Pod is gone, and so is what it wrote.
    pub(crate) fn forget(&mut self, pod: &Key) {
        self.0.retain(|source, _| source.pod != *pod);
    }
}
