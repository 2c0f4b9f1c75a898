//! What a journal promises: what was confirmed is there, what can't be read is an error, and nobody overwrites anybody.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bluegreen_core::plan::PlanSpec;
use bluegreen_core::{
    Color, End, Event, FileJournal, Holder, Journal, JournalError, Kind, Measure, MemoryJournal, RECORD_VERSION,
    Record, Release, RolloutId, Sample, Stage, Stamp, Started, Target, Write,
};
use jiff::Timestamp;
use tempfile::TempDir;

fn target() -> Target {
    Target::new("shop", "checkout")
}

fn rollout() -> RolloutId {
    RolloutId::new(at(0), 1)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_320_000 + second).unwrap()
}

fn record(second: i64, event: Event) -> Record {
    Record {
        v: RECORD_VERSION,
        at: at(second),
        rollout: rollout(),
        holder: Holder::new(7),
        member: None,
        stage: Stage::Deploy,
        event,
    }
}

fn started() -> Record {
    let started = Started {
        kind: Kind::Deploy,
        plan: PlanSpec::new(target()),
        release: Release::image("registry.example/checkout:1.4.2"),
        old: Color::Blue,
        new: Color::Green,
        old_release: None,
        found: Vec::new(),
        takes_over: None,
    };
    record(0, Event::Started(Box::new(started)))
}

fn capacity(replicas: u32) -> Record {
    record(i64::from(replicas), Event::Capacity { replicas })
}

fn intent() -> Record {
    let event = Event::Intent {
        write: Write::Deploy(Color::Green),
        object: "Deployment/checkout-green “ü”\n".to_owned(),
        stamp: Stamp {
            epoch: 3,
            seq: 1,
            holder: Holder::new(7),
        },
        step: None,
    };
    record(4, event)
}

fn sampled(measure: Measure) -> Record {
    let sample = Sample {
        source: "signal 1".to_owned(),
        color: Color::Green,
        seconds: 5.0,
        measure,
        summary: String::new(),
    };
    record(5, Event::Sampled(sample))
}

fn ended() -> Record {
    record(9, Event::Ended(End::Promoted { proven: true }))
}

/// A folder with a journal in it that holds `records`, each appended alone.
async fn folder_with(records: &[Record]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path()).unwrap();
    for (position, record) in records.iter().enumerate() {
        append(&journal, position as u64, std::slice::from_ref(record))
            .await
            .unwrap();
    }
    let path = folder.path().join(format!("shop/checkout/{}.jsonl", rollout()));
    (folder, path)
}

async fn append(journal: &dyn Journal, position: u64, records: &[Record]) -> Result<(), JournalError> {
    journal.append(&target(), &rollout(), position, records).await
}

async fn load(journal: &dyn Journal) -> Result<bluegreen_core::Log, JournalError> {
    journal.load(&target(), &rollout()).await
}

fn journals() -> (TempDir, Vec<Arc<dyn Journal>>) {
    let folder = tempfile::tempdir().unwrap();
    let file = FileJournal::open(folder.path().join("not/yet/there")).unwrap();
    (folder, vec![Arc::new(MemoryJournal::new()), Arc::new(file)])
}

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
                Err(JournalError::Moved {
                    expected: asked, found, ..
                }) => assert_eq!((asked, found), (position, expected)),
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
        let ids: Vec<_> = [(0, 9), (0, 1), (60, 5)]
            .map(|(second, random)| RolloutId::new(at(second), random))
            .into();
        for (index, id) in ids.iter().enumerate() {
            let mut record = Record {
                rollout: id.clone(),
                ..capacity(1)
            };
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
        let other = Record {
            rollout: RolloutId::new(at(1), 2),
            ..capacity(1)
        };
        let newer = Record {
            v: RECORD_VERSION + 1,
            ..capacity(1)
        };
        assert!(matches!(
            append(&*journal, 0, &[other]).await,
            Err(JournalError::Foreign { .. })
        ));
        assert!(matches!(
            append(&*journal, 0, &[newer]).await,
            Err(JournalError::Newer { .. })
        ));
        let elsewhere = journal
            .append(&Target::new("shop", "cart"), &rollout(), 0, &[started()])
            .await;
        assert!(matches!(elsewhere, Err(JournalError::Foreign { .. })));
        assert_eq!(journal.rollouts(&target()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_record_that_could_not_be_read_back_is_refused() {
    let (_folder, path) = folder_with(&[started()]).await;
    let journal = FileJournal::open(_folder.path()).unwrap();
    let before = fs::read(&path).unwrap();
    let error = append(&journal, 1, &[sampled(Measure::Gauge { value: f64::NAN })])
        .await
        .unwrap_err();
    assert!(matches!(error, JournalError::Io { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    append(&journal, 1, &[capacity(3)]).await.unwrap();
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path().join("journals")).unwrap();
    for (namespace, name, id) in [
        ("..", "checkout", "a"),
        ("shop", "../../x", "a"),
        ("shop", "checkout", "../a"),
        ("", "a", "a"),
    ] {
        let (target, id) = (Target::new(namespace, name), RolloutId::from(id.to_owned()));
        let record = Record {
            rollout: id.clone(),
            ..capacity(1)
        };
        let result = journal.append(&target, &id, 0, &[record]).await;
        assert!(
            matches!(result, Err(JournalError::Io { action: "used", .. })),
            "{result:?}"
        );
        assert!(journal.load(&target, &id).await.is_err());
    }
    assert_eq!(fs::read_dir(folder.path().join("journals")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

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
        assert_eq!(
            log.notes.len(),
            usize::from(end > whole),
            "torn at {end}: {:?}",
            log.notes
        );
        assert_eq!(fs::read(&path).unwrap(), text[..end], "loading changes nothing");

        append(&journal, 2, &[capacity(5)]).await.unwrap();
        append(&journal, 3, &[capacity(6)]).await.unwrap();
        let log = load(&journal).await.unwrap();
        assert_eq!(
            log.records,
            [started(), capacity(2), capacity(5), capacity(6)],
            "torn at {end}"
        );
        let torn = fs::read(path.with_extension("torn")).unwrap_or_default();
        assert_eq!(
            torn,
            if end > whole {
                [&text[whole..end], b"\n"].concat()
            } else {
                Vec::new()
            }
        );
        assert_eq!(
            log.notes.len(),
            usize::from(end > whole),
            "what was moved aside is still told"
        );
    }
}

#[tokio::test]
async fn of_records_appended_together_all_count_or_none() {
    let (_folder, path) = folder_with(&[started()]).await;
    let whole = fs::read(&path).unwrap().len();
    let journal = FileJournal::open(_folder.path()).unwrap();
    append(&journal, 1, &[capacity(1), capacity(2), intent()])
        .await
        .unwrap();
    drop(journal);
    let text = fs::read(&path).unwrap();
    for end in whole..=text.len() {
        fs::write(&path, &text[..end]).unwrap();
        let journal = FileJournal::open(_folder.path()).unwrap();
        let records = load(&journal).await.unwrap().records.len();
        assert_eq!(records, if end == text.len() { 4 } else { 1 }, "torn at {end}");
        assert!(matches!(
            append(&journal, 2, &[ended()]).await,
            Err(JournalError::Moved { .. })
        ));
        assert_eq!(
            fs::read(&path).unwrap(),
            text[..end],
            "a refused append changes nothing"
        );
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
        assert!(
            matches!(load(&journal).await, Err(JournalError::Missing { .. })),
            "torn at {end}"
        );
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
        (
            "an unknown event",
            second(&lines[1].replace("capacity", "levitated")),
            "damaged at line 2",
        ),
        ("a damaged last line", format!("{good}%%%\n"), "damaged at line 4"),
        ("a newer record", second("{\"v\":9,\"when\":\"later\"}"), "version 9"),
        (
            "another rollout",
            second(&lines[1].replace(&rollout().to_string(), &other)),
            "belongs to rollout",
        ),
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
        assert_eq!(
            journal.rollouts(&target()).await.unwrap(),
            [rollout()],
            "{case}: it is still listed"
        );
    }
}

#[tokio::test]
async fn a_journal_that_is_gone_is_not_an_empty_one() {
    let (folder, path) = folder_with(&[started()]).await;
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 1, &[capacity(2)]).await.unwrap();
    fs::rename(&path, path.with_extension("elsewhere")).unwrap();
    let error = append(&journal, 2, &[capacity(3)]).await.unwrap_err();
    assert!(
        matches!(
            error,
            JournalError::Moved {
                expected: 2,
                found: 0,
                ..
            }
        ),
        "{error}"
    );
    assert!(!path.exists(), "no new journal begins in the middle of a rollout");

    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(
        journal.rollouts(&target()).await,
        Err(JournalError::Io { .. })
    ));
}

#[tokio::test]
async fn a_journal_that_was_edited_is_read_again() {
    let (folder, path) = folder_with(&[started(), capacity(2)]).await;
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 2, &[capacity(3)]).await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let error = append(&journal, 3, &[capacity(4)]).await.unwrap_err();
    assert!(
        matches!(
            error,
            JournalError::Moved {
                expected: 3,
                found: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn who_appends_locks_others_out_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let first = FileJournal::open(folder.path()).unwrap();
    let clone = first.clone();
    let second = FileJournal::open(folder.path()).unwrap();
    append(&first, 0, &[started()]).await.unwrap();
    append(&clone, 1, &[capacity(1)]).await.unwrap();
    assert!(matches!(
        append(&second, 2, &[capacity(2)]).await,
        Err(JournalError::Locked { .. })
    ));
    assert_eq!(load(&second).await.unwrap().records.len(), 2, "reading needs no lock");
    drop(first);
    assert!(matches!(
        append(&second, 2, &[capacity(2)]).await,
        Err(JournalError::Locked { .. })
    ));
    drop(clone);
    append(&second, 2, &[capacity(2)]).await.unwrap();
    append(&second, 3, &[ended()]).await.unwrap();
    let third = FileJournal::open(folder.path()).unwrap();
    assert!(
        matches!(append(&third, 3, &[]).await, Err(JournalError::Moved { found: 4, .. })),
        "the end gives the lock back"
    );
}

#[tokio::test]
async fn a_refused_first_append_takes_no_lock() {
    let (folder, _path) = folder_with(&[started()]).await;
    let (first, second) = (
        FileJournal::open(folder.path()).unwrap(),
        FileJournal::open(folder.path()).unwrap(),
    );
    assert!(matches!(
        append(&first, 5, &[capacity(1)]).await,
        Err(JournalError::Moved { .. })
    ));
    append(&second, 1, &[capacity(1)]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_time_the_disk_out() {
    let (folder, _path) = folder_with(&[started()]).await;
    let journal = FileJournal::open(folder.path()).unwrap();
    let begin = tokio::time::Instant::now();
    append(&journal, 1, &[capacity(1)]).await.unwrap();
    assert_eq!(load(&journal).await.unwrap().records.len(), 2);
    assert_eq!(begin.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test]
async fn an_append_that_is_dropped_is_done_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 0, &[started()]).await.unwrap();
    let mut position = 1;
    for _ in 0..50 {
        let records = [capacity(1), capacity(2)];
        let dropped = append(&journal, position, &records);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(50), dropped).await;
        let found = load(&journal).await.unwrap().records.len() as u64;
        assert!(found == position || found == position + 2, "{found} after {position}");
        position = found;
    }
    append(&journal, position, &[ended()]).await.unwrap();
}

const FOLDER: &str = "BLUEGREEN_TEST_JOURNAL_FOLDER";

/// Not a test of its own: what the next one runs in another process. Appends for ever, saying what was confirmed.
#[tokio::test]
async fn another_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let journal = FileJournal::open(folder).unwrap();
    let mut position = 1;
    loop {
        append(&journal, position, &[capacity(1), capacity(2)]).await.unwrap();
        position += 2;
        println!("\nconfirmed {position}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_that_was_confirmed() {
    let (folder, path) = folder_with(&[started()]).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "another_process", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut confirmed = || {
        let line = lines.find(|line| line.starts_with("confirmed "))?;
        line.rsplit(' ').next()?.parse::<usize>().ok()
    };
    let mut last = 0;
    for _ in 0..20 {
        last = confirmed().unwrap();
    }
    let journal = FileJournal::open(folder.path()).unwrap();
    assert!(matches!(
        append(&journal, 1, &[ended()]).await,
        Err(JournalError::Locked { .. })
    ));
    child.kill().unwrap();
    child.wait().unwrap();
    while let Some(position) = confirmed() {
        last = position;
    }
    let found = load(&journal).await.unwrap().records.len();
    assert!(
        found == last || found == last + 2,
        "{found} records, {last} confirmed, in {}",
        path.display()
    );
    append(&journal, found as u64, &[ended()]).await.unwrap();
}

#[tokio::test]
async fn journals_are_lines_for_people_and_jq() {
    let folder = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(folder.path()).unwrap();
    append(&journal, 0, &[capacity(3), ended()]).await.unwrap();
    let text = fs::read_to_string(folder.path().join(format!("shop/checkout/{}.jsonl", rollout()))).unwrap();
    insta::assert_snapshot!(text.trim_end());
}
