//! What a file looks like, and what never gets into one.

use std::fs;

use bluegreen_core::{FileJournal, Journal, JournalError, Measure, Record, RolloutId, Target};

use crate::support::{append, capacity, ended, folder_with, rollout, sampled, started};

#[tokio::test]
async fn a_record_that_could_not_be_read_back_is_refused() {
    let (_folder, path) = folder_with(&[started()]).await;
    let journal = FileJournal::open(_folder.path()).unwrap();
    let before = fs::read(&path).unwrap();
    let error = append(&journal, 1, &[sampled(Measure::Gauge { value: f64::NAN })]).await.unwrap_err();
    assert!(matches!(error, JournalError::Io { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    append(&journal, 1, &[capacity(3)]).await.unwrap();
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path().join("journals")).unwrap();
    for (namespace, name, id) in
        [("..", "checkout", "a"), ("shop", "../../x", "a"), ("shop", "checkout", "../a"), ("", "a", "a")]
    {
        let (target, id) = (Target::new(namespace, name), RolloutId::from(id.to_owned()));
        let record = Record { rollout: id.clone(), ..capacity(1) };
        let result = journal.append(&target, &id, 0, &[record]).await;
        assert!(matches!(result, Err(JournalError::Io { action: "used", .. })), "{result:?}");
        assert!(journal.load(&target, &id).await.is_err());
    }
    assert_eq!(fs::read_dir(folder.path().join("journals")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn journals_are_lines_for_people_and_jq() {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 0, &[capacity(3), ended()]).await.unwrap();
    let text = fs::read_to_string(folder.path().join(format!("shop/checkout/{}.jsonl", rollout()))).unwrap();
    insta::assert_snapshot!(text.trim_end());
}
