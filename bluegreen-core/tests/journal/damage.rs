//! Files that were torn, damaged, moved or edited.

use std::fs;

use bluegreen_core::{FileJournal, Journal, JournalError, RolloutId};

use crate::support::{append, at, capacity, ended, folder_with, intent, load, rollout, started, target};

#[tokio::test]
async fn a_torn_end_is_told_and_moved_aside_wherever_it_was_torn() {
    let (_folder, path) = folder_with(&[started(), capacity(2), intent()]).await;
    let text = fs::read(&path).unwrap();
    let whole = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for end in whole..text.len() {
        let (folder, path) = folder_with(&[]).await;
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text[..end]).unwrap();
        let journal = FileJournal::open(folder.path()).unwrap();

        let log = load(&journal).await.unwrap();
        assert_eq!(log.records, [started(), capacity(2)], "torn at {end}");
        assert_eq!(log.notes.len(), usize::from(end > whole), "torn at {end}: {:?}", log.notes);
        assert_eq!(fs::read(&path).unwrap(), text[..end], "loading changes nothing");

        append(&journal, 2, &[capacity(5)]).await.unwrap();
        append(&journal, 3, &[capacity(6)]).await.unwrap();
        let log = load(&journal).await.unwrap();
        assert_eq!(log.records, [started(), capacity(2), capacity(5), capacity(6)], "torn at {end}");
        let torn = fs::read(path.with_extension("torn")).unwrap_or_default();
        assert_eq!(torn, if end > whole { [&text[whole..end], b"\n"].concat() } else { Vec::new() });
        assert_eq!(log.notes.len(), usize::from(end > whole), "what was moved aside is still told");
    }
}

#[tokio::test]
async fn of_records_appended_together_all_count_or_none() {
    let (_folder, path) = folder_with(&[started()]).await;
    let whole = fs::read(&path).unwrap().len();
    let journal = FileJournal::open(_folder.path()).unwrap();
    append(&journal, 1, &[capacity(1), capacity(2), intent()]).await.unwrap();
    drop(journal);
    let text = fs::read(&path).unwrap();
    for end in whole..=text.len() {
        fs::write(&path, &text[..end]).unwrap();
        let journal = FileJournal::open(_folder.path()).unwrap();
        let records = load(&journal).await.unwrap().records.len();
        assert_eq!(records, if end == text.len() { 4 } else { 1 }, "torn at {end}");
        assert!(matches!(append(&journal, 2, &[ended()]).await, Err(JournalError::Moved { .. })));
        assert_eq!(fs::read(&path).unwrap(), text[..end], "a refused append changes nothing");
    }
    fs::write(&path, &text[..text.len() - 1]).unwrap();
    let journal = FileJournal::open(_folder.path()).unwrap();
    append(&journal, 1, &[ended()]).await.unwrap();
    assert_eq!(load(&journal).await.unwrap().records, [started(), ended()]);
}

#[tokio::test]
async fn a_rollout_whose_first_append_was_torn_never_began() {
    let (folder, path) = folder_with(&[started()]).await;
    let text = fs::read(&path).unwrap();
    for end in 0..text.len() {
        fs::write(&path, &text[..end]).unwrap();
        let journal = FileJournal::open(folder.path()).unwrap();
        assert!(matches!(load(&journal).await, Err(JournalError::Missing { .. })), "torn at {end}");
        assert_eq!(journal.rollouts(&target()).await.unwrap(), []);
    }
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 0, &[started()]).await.unwrap();
    assert_eq!(load(&journal).await.unwrap().records, [started()]);
}

#[tokio::test]
async fn what_can_not_be_read_is_an_error_and_stays_as_it_is() {
    let (folder, path) = folder_with(&[started(), capacity(2), capacity(3)]).await;
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = good.lines().collect();
    let second = |line: &str| format!("{}\n{line}\n{}\n", lines[0], lines[2]);
    let other = RolloutId::new(at(1), 2).to_string();
    let cases = [
        ("garbage", second("%%%"), "damaged at line 2"),
        ("a blank line", second(""), "damaged at line 2"),
        ("half a line", second(&lines[1][..20]), "damaged at line 2"),
        ("no JSON object", second("[1, 2]"), "damaged at line 2"),
        ("an unknown event", second(&lines[1].replace("capacity", "levitated")), "damaged at line 2"),
        ("a damaged last line", format!("{good}%%%\n"), "damaged at line 4"),
        ("a newer record", second("{\"v\":9,\"when\":\"later\"}"), "version 9"),
        ("another rollout", second(&lines[1].replace(&rollout().to_string(), &other)), "belongs to rollout"),
        (
            "another target",
            second(&lines[0].replace("\"checkout\"", "\"cart\"")),
            "belongs to shop/cart, not to shop/checkout",
        ),
    ];
    for (case, text, expected) in cases {
        fs::write(&path, &text).unwrap();
        let journal = FileJournal::open(folder.path()).unwrap();
        let error = load(&journal).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{case}: {error}");
        assert!(error.contains(path.to_str().unwrap()), "{case}: {error}");
        for position in 0..4 {
            let error = append(&journal, position, &[ended()]).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{case}: {error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{case}");
        assert_eq!(journal.rollouts(&target()).await.unwrap(), [rollout()], "{case}: it is still listed");
    }
}

#[tokio::test]
async fn a_journal_that_is_gone_is_not_an_empty_one() {
    let (folder, path) = folder_with(&[started()]).await;
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 1, &[capacity(2)]).await.unwrap();
    fs::rename(&path, path.with_extension("elsewhere")).unwrap();
    let error = append(&journal, 2, &[capacity(3)]).await.unwrap_err();
    assert!(matches!(error, JournalError::Moved { expected: 2, found: 0, .. }), "{error}");
    assert!(!path.exists(), "no new journal begins in the middle of a rollout");

    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(journal.rollouts(&target()).await, Err(JournalError::Io { .. })));
}

#[tokio::test]
async fn a_journal_that_was_edited_is_read_again() {
    let (folder, path) = folder_with(&[started(), capacity(2)]).await;
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 2, &[capacity(3)]).await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let error = append(&journal, 3, &[capacity(4)]).await.unwrap_err();
    assert!(matches!(error, JournalError::Moved { expected: 3, found: 1, .. }), "{error}");
}
