//! Journals that can't be used: a clear error, nothing lost, nothing overwritten.

use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_core::{RunError, chain};

use crate::app::App;
use crate::shop::{Needs, Shop, in_a_shop, seconds};

/// The only journal in a folder.
fn journal_in(folder: &Path) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "jsonl" => return path,
                _ => {}
            }
        }
    }
    panic!("no journal in {}", folder.display())
}

/// A copy of the journals of this shop, in which `damage` was done to the only one.
fn damaged<D: AsRef<[u8]>>(shop: &Shop, name: &str, damage: impl FnOnce(String) -> D) -> PathBuf {
    let original = journal_in(&shop.journal_folder("journals"));
    let folder = shop.journal_folder(name).join(&shop.target.namespace).join(&shop.target.name);
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join(original.file_name().unwrap());
    fs::write(&copy, damage(fs::read_to_string(original).unwrap())).unwrap();
    copy
}

/// The next rollout is refused because of the journal, which is left as it is.
async fn assert_refused<D: AsRef<[u8]>>(shop: &Shop, name: &str, damage: impl FnOnce(String) -> D, words: &[&str]) {
    let journal = damaged(shop, name, damage);
    let (text, facts) = (fs::read(&journal).unwrap(), shop.facts().await);
    let rollout_id = journal.file_stem().unwrap().to_str().unwrap();
    let app = App::v(3);
    let rollout = shop.rollout_with(shop.environment(&app), shop.router(), shop.journal(name)).build().unwrap();
    let errors = [rollout.run(shop.release(&app)).await.err(), rollout.recover().await.err()];
    for error in errors {
        let error = error.unwrap_or_else(|| panic!("{name}: accepted"));
        assert!(matches!(error, RunError::Journal(_) | RunError::Illegal { .. }), "{name}: {error:?}");
        let message = chain(&error);
        assert!(message.contains(rollout_id), "{name}: {message}");
        for word in words {
            assert!(message.contains(word), "{name}: no {word:?} in: {message}");
        }
        eprintln!("{name}: {message}");
    }
    assert_eq!(fs::read(&journal).unwrap(), text, "{name}: was written to");
    assert_eq!(shop.facts().await, facts, "{name}: something was done");
}

#[tokio::test]
async fn a_journal_that_cannot_be_used() {
    in_a_shop("bad-journal", Needs::Nothing, seconds(180), async |shop| {
        shop.open(&App::v(1), 1).await;
        let outcome = shop.run(&App::v(2)).await;
        assert!(outcome.is_promoted(), "{}", outcome.report());

        let newer = |text: String| text.replace("\"v\":1,", "\"v\":999,");
        assert_refused(&shop, "newer", newer, &["999", "newer"]).await;
        let other = |text: String| text.replace("\"name\":\"checkout\"", "\"name\":\"payment\"");
        assert_refused(&shop, "other-target", other, &["payment", "checkout"]).await;
        let unreadable = |_| b"\xff\xfe\n".to_vec();
        assert_refused(&shop, "unreadable", unreadable, &["line 1"]).await;
        let cut = |text: String| text.replacen("\"event\"", "\"ev", 1);
        assert_refused(&shop, "damaged", cut, &["line 1"]).await;
        let gap = |text: String| {
            let kept = text.lines().filter(|line| !line.contains("\"switch\""));
            kept.map(|line| format!("{line}\n")).collect::<String>()
        };
        assert_refused(&shop, "gap", gap, &["can't follow"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_journal_whose_last_line_was_torn_is_gone_on_with() {
    in_a_shop("torn-journal", Needs::Nothing, seconds(120), async |shop| {
        shop.open(&App::v(1), 1).await;
        let outcome = shop.run(&App::v(2)).await;
        assert!(outcome.is_promoted(), "{}", outcome.report());
        // The end was not written, and half of what came before it.
        let tear = |text: String| {
            let complete: Vec<_> = text.lines().collect();
            let (_, kept) = complete.split_last().unwrap();
            let (last, kept) = kept.split_last().unwrap();
            let half: String = last.chars().take(last.chars().count() / 2).collect();
            format!("{}\n{half}", kept.join("\n"))
        };
        let journal = damaged(&shop, "torn", tear);
        let torn = fs::read_to_string(&journal).unwrap();
        let app = App::v(2);
        let rollout = shop.rollout_with(shop.environment(&app), shop.router(), shop.journal("torn")).build().unwrap();
        let outcome = rollout.recover().await.unwrap().wait().await.unwrap();
        assert!(outcome.is_promoted(), "{}", outcome.report());
        let (whole, _) = torn.rsplit_once('\n').unwrap();
        assert!(fs::read_to_string(&journal).unwrap().starts_with(whole), "what was confirmed is gone");
    })
    .await;
}
