//! Several writers, and writers that die.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use bluegreen_core::{FileJournal, JournalError};

use crate::support::{append, capacity, ended, folder_with, load, started};

#[tokio::test]
async fn who_appends_locks_others_out_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let first = FileJournal::open(folder.path()).unwrap();
    let clone = first.clone();
    let second = FileJournal::open(folder.path()).unwrap();
    append(&first, 0, &[started()]).await.unwrap();
    append(&clone, 1, &[capacity(1)]).await.unwrap();
    assert!(matches!(append(&second, 2, &[capacity(2)]).await, Err(JournalError::Locked { .. })));
    assert_eq!(load(&second).await.unwrap().records.len(), 2, "reading needs no lock");
    drop(first);
    assert!(matches!(append(&second, 2, &[capacity(2)]).await, Err(JournalError::Locked { .. })));
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
    let (first, second) = (FileJournal::open(folder.path()).unwrap(), FileJournal::open(folder.path()).unwrap());
    assert!(matches!(append(&first, 5, &[capacity(1)]).await, Err(JournalError::Moved { .. })));
    append(&second, 1, &[capacity(1)]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_time_the_disk_out() {
    let (folder, _path) = folder_with(&[started()]).await;
    let journal = FileJournal::open(folder.path()).unwrap();
    let begin = tokio::time::Instant::now();
    append(&journal, 1, &[capacity(1)]).await.unwrap();
    assert_eq!(load(&journal).await.unwrap().records.len(), 2);
    assert_eq!(begin.elapsed(), Duration::ZERO);
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
        let _ = tokio::time::timeout(Duration::from_micros(50), dropped).await;
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
        .args(["--exact", "sharing::another_process", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut confirmed = || {
        let line = lines.find(|line| line.starts_with("confirmed "))?;
        line.rsplit(' ').next()?.parse::<usize>().ok()
    };
    let mut last = 0;
    for _ in 0..20 {
        last = confirmed().unwrap();
    }
    let journal = FileJournal::open(folder.path()).unwrap();
    assert!(matches!(append(&journal, 1, &[ended()]).await, Err(JournalError::Locked { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    while let Some(position) = confirmed() {
        last = position;
    }
    let found = load(&journal).await.unwrap().records.len();
    assert!(found == last || found == last + 2, "{found} records, {last} confirmed, in {}", path.display());
    append(&journal, found as u64, &[ended()]).await.unwrap();
}
