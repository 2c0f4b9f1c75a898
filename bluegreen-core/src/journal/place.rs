//! Where the journals of a target are. Everything here blocks.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::lines::{self, Scan};
use crate::backend::Source;
use crate::ids::RolloutId;
use crate::record::{JournalError, Log};
use crate::target::Target;

/// The longest part of a path, so that an extension still fits into what file systems allow.
const LONGEST_NAME: usize = 200;

/// The folder of a target.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
    target: Target,
}

impl Folder {
    /// The folder of `target` under `root`; refuses names that would lead elsewhere.
    pub(super) fn new(root: &Path, target: &Target) -> Result<Self, JournalError> {
        check_file_name(root, &target.namespace)?;
        check_file_name(root, &target.name)?;
        Ok(Self { root: root.to_owned(), target: target.clone() })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.join(&self.target.namespace).join(&self.target.name)
    }

    /// The rollouts that have records, oldest first.
    pub(super) fn rollouts(&self) -> Result<Vec<RolloutId>, JournalError> {
        let path = self.path();
        self.list().map_err(|error| io_error(&path, "listed", error))
    }

    fn list(&self) -> io::Result<Vec<RolloutId>> {
        let entries = match fs::read_dir(self.path()) {
            Ok(entries) => entries,
            // No rollout yet; but a root that is gone, an unmounted disk say, is not an empty journal.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return fs::metadata(&self.root).map(|_| Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut rollouts = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let rollout = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
            if let Some(rollout) = rollout.filter(|name| is_file_name(name))
                && let Some(start) = first_line(&self.path().join(&name))?
            {
                rollouts.push((started_at(&start), RolloutId::from(rollout.to_owned())));
            }
        }
        rollouts.sort();
        Ok(rollouts.into_iter().map(|(_, rollout)| rollout).collect())
    }
}

/// The first line of a journal; none where not even that was confirmed.
fn first_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?).read_until(b'\n', &mut line)?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// When a journal begins. One that can't be understood is still listed, and first: whoever loads it learns why.
fn started_at(line: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Start {
        at: Timestamp,
    }
    serde_json::from_slice(line).ok().map(|Start { at }| at)
}

/// The journal of one rollout.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: Folder,
    rollout: RolloutId,
}

impl Place {
    /// The journal of `rollout` under `root`; refuses names that would lead elsewhere.
    pub(super) fn new(root: &Path, target: &Target, rollout: &RolloutId) -> Result<Self, JournalError> {
        check_file_name(root, rollout.as_str())?;
        Ok(Self { folder: Folder::new(root, target)?, rollout: rollout.clone() })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path()
    }

    /// The file with the records.
    pub(super) fn file(&self) -> PathBuf {
        self.folder().join(format!("{}.jsonl", self.rollout))
    }

    /// The file to which unfinished appends are moved.
    pub(super) fn torn(&self) -> PathBuf {
        self.folder().join(format!("{}.torn", self.rollout))
    }

    /// What errors call the journal.
    pub(super) fn name(&self) -> String {
        self.file().display().to_string()
    }

    /// Reads what `file`, this journal, holds.
    pub(super) fn scan(&self, file: &mut File) -> Result<(Scan, Vec<u8>), JournalError> {
        let mut text = Vec::new();
        let read = file.rewind().and_then(|()| file.read_to_end(&mut text));
        read.map_err(|error| self.io("read", error))?;
        let scan = lines::scan(&self.name(), &self.folder.target, &self.rollout, &text)?;
        Ok((scan, text))
    }

    /// Reads the journal.
    pub(super) fn load(&self) -> Result<Log, JournalError> {
        let (scan, text) = match File::open(self.file()) {
            Ok(mut file) => self.scan(&mut file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.missing()),
            Err(error) => return Err(self.io("opened", error)),
        };
        if scan.records.is_empty() {
            return Err(self.missing());
        }
        let mut notes = Vec::new();
        let torn = text.len() - scan.whole;
        if torn > 0 {
            notes.push(format!(
                "{}: the last {torn} bytes are an append that was cut short, or is under way; they don't count",
                self.name()
            ));
        }
        if self.torn().exists() {
            notes.push(format!("{} keeps appends that were cut short", self.torn().display()));
        }
        Ok(Log { records: scan.records, notes })
    }

    pub(super) fn check(&self, record: &crate::record::Record) -> Result<(), JournalError> {
        lines::check(&self.name(), &self.folder.target, &self.rollout, record)
    }

    pub(super) fn io(&self, action: &'static str, source: impl Into<Source>) -> JournalError {
        io_error(&self.file(), action, source)
    }

    pub(super) fn moved(&self, expected: u64, found: u64) -> JournalError {
        JournalError::Moved { journal: self.name(), expected, found }
    }

    fn missing(&self) -> JournalError {
        JournalError::Missing { journal: self.name(), rollout: self.rollout.clone() }
    }
}

pub(super) fn io_error(path: &Path, action: &'static str, source: impl Into<Source>) -> JournalError {
    JournalError::Io { journal: path.display().to_string(), action, source: source.into() }
}

fn check_file_name(root: &Path, name: &str) -> Result<(), JournalError> {
    if is_file_name(name) {
        return Ok(());
    }
    let allowed = format!("at most {LONGEST_NAME} letters, digits, `-`, `_` and `.`, not beginning with `.`");
    Err(io_error(root, "used", format!("{name:?} can't be part of a path: use {allowed}")))
}

/// Whether a name stays what it is, and where it is put, on every file system.
fn is_file_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for name in ["shop", "checkout-v2", "a.b_c", "20261122t040506-1a2b3c4d"] {
            assert!(is_file_name(name), "{name}");
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        for name in ["", ".", "..", "../shop", "/etc", "a/b", "a\\b", "a\0", "a b", "ä", ".hidden", long.as_str()] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
