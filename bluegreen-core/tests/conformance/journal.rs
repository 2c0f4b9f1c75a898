//! Journals as subjects.

use std::fs;
use std::future::{Ready, ready};
use std::path::{Path, PathBuf};

use bluegreen_core::{FileJournal, MemoryJournal, RolloutId, Target};
use bluegreen_testkit::conformance::journal::Subject;
use bluegreen_testkit::conformance::{Checked, Failure, Fixture};

pub(crate) async fn in_memory() -> Result<Subject, Failure> {
    let journal = MemoryJournal::new();
    Ok(Subject::new(move || ready(Ok(journal.clone()))))
}

pub(crate) async fn in_files() -> Result<Fixture<Subject>, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("not/yet/there");
    let (torn, damaged) = (path.clone(), path.clone());
    let subject = Subject::new(move || ready(FileJournal::open(&path).map_err(Failure::from)))
        .tears(move |target, rollout| change(&file(&torn, &target, &rollout), without_an_end))
        .damages(move |target, rollout| change(&file(&damaged, &target, &rollout), with_another_beginning));
    Ok(Fixture::new(subject).guard(folder))
}

fn file(folder: &Path, target: &Target, rollout: &RolloutId) -> PathBuf {
    folder.join(&target.namespace).join(&target.name).join(format!("{rollout}.jsonl"))
}

fn without_an_end(text: &[u8]) -> Vec<u8> {
    text[..text.len() - 10].to_vec()
}

fn with_another_beginning(text: &[u8]) -> Vec<u8> {
    [b"%", &text[1..]].concat()
}

fn change(file: &Path, change: fn(&[u8]) -> Vec<u8>) -> Ready<Checked> {
    let changed = fs::read(file).and_then(|text| fs::write(file, change(&text)));
    ready(changed.map_err(Failure::from))
}
