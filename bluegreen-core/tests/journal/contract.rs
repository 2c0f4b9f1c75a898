//! What holds for every journal, and what a file looks like.

use std::fs;

use bluegreen_core::{FileJournal, Journal, JournalError, Measure, RECORD_VERSION, Record, RolloutId, Target};

use crate::support::{
    append, at, capacity, ended, folder_with, intent, journals, load, rollout, sampled, started, target,
};

#[tokio::test]
async fn what_was_appended_is_loaded_in_order() {
    let (_folder, journals) = journals();
    for journal in journals {
        let journal = &*journal;
        append(journal, 0, &[started(), intent()]).await.unwrap();
        append(journal, 2, &[capacity(3)]).await.unwrap();
        let log = load(journal).await.unwrap();
        assert_eq!(log.records, [started(), intent(), capacity(3)], "{journal:?}");
        assert!(log.notes.is_empty(), "{:?}", log.notes);
        append(journal, 3, &[ended()]).await.unwrap();
        assert_eq!(load(journal).await.unwrap().records.len(), 4);
    }
}

#[tokio::test]
async fn another_position_than_the_expected_appends_nothing() {
    let (_folder, journals) = journals();
    for journal in journals {
        let journal = &*journal;
        for (position, expected) in [(1, 0), (0, 0), (0, 1), (2, 1)] {
            let result = append(journal, position, &[started()]).await;
            match result {
                Ok(()) => assert_eq!((position, expected), (0, 0)),
                Err(JournalError::Moved { expected: asked, found, .. }) => {
                    assert_eq!((asked, found), (position, expected));
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(load(journal).await.unwrap().records, [started()]);
    }
}

#[tokio::test]
async fn a_rollout_that_was_never_recorded_is_missing() {
    let (_folder, journals) = journals();
    for journal in journals {
        assert!(matches!(load(&*journal).await, Err(JournalError::Missing { .. })));
        assert_eq!(journal.rollouts(&target()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn rollouts_are_listed_oldest_first() {
    let (_folder, journals) = journals();
    for journal in journals {
        // Two of them in the same second, the later one with the smaller name.
        let ids: Vec<_> = [(0, 9), (0, 1), (60, 5)].map(|(second, random)| RolloutId::new(at(second), random)).into();
        for (index, id) in ids.iter().enumerate() {
            let mut record = Record { rollout: id.clone(), ..capacity(1) };
            record.at = at(index as i64);
            journal.append(&target(), id, 0, &[record]).await.unwrap();
        }
        assert_eq!(journal.rollouts(&target()).await.unwrap(), ids);
        assert_eq!(journal.rollouts(&Target::new("shop", "cart")).await.unwrap(), []);
    }
}

#[tokio::test]
async fn records_of_something_else_are_refused() {
    let (_folder, journals) = journals();
    for journal in journals {
        let other = Record { rollout: RolloutId::new(at(1), 2), ..capacity(1) };
        let newer = Record { v: RECORD_VERSION + 1, ..capacity(1) };
        assert!(matches!(append(&*journal, 0, &[other]).await, Err(JournalError::Foreign { .. })));
        assert!(matches!(append(&*journal, 0, &[newer]).await, Err(JournalError::Newer { .. })));
        let elsewhere = journal.append(&Target::new("shop", "cart"), &rollout(), 0, &[started()]).await;
        assert!(matches!(elsewhere, Err(JournalError::Foreign { .. })));
        assert_eq!(journal.rollouts(&target()).await.unwrap(), []);
    }
}

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
