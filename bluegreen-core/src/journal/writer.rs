//! One journal file that is open for appending. Everything here blocks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use super::place::Place;
use crate::record::JournalError;

/// A journal file, locked against other writers for as long as this lives.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    /// How far the journal has come; not known after a failed append.
    tail: Option<Tail>,
}

/// How far a journal has come.
#[derive(Debug)]
struct Tail {
    /// How many records count.
    position: u64,
    /// How many bytes they take.
    whole: u64,
    /// What follows them: an append that wasn't finished.
    torn: Vec<u8>,
}

impl Tail {
    fn len(&self) -> u64 {
        self.whole + self.torn.len() as u64
    }
}

impl Writer {
    /// Opens and locks the journal. Creates it only where it is to be the first append.
    fn open(place: &Place, position: u64) -> Result<Self, JournalError> {
        let path = place.file();
        if position == 0 {
            create(place, &path).map_err(|error| place.io("created", error))?;
        }
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(place.moved(position, 0)),
            Err(error) => return Err(place.io("opened", error)),
        };
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Locked { journal: place.name() },
            TryLockError::Error(error) => place.io("locked", error),
        })?;
        Ok(Self { file, tail: None })
    }

    /// Whether the file at the journal's place is still as this writer left it: a person may have moved or edited it.
    fn is_current(&self, path: &Path) -> bool {
        let expected = match &self.tail {
            Some(tail) => Ok(tail.len()),
            None => self.file.metadata().map(|open| open.len()),
        };
        matches!((expected, fs::metadata(path)), (Ok(expected), Ok(found)) if found.len() == expected)
    }

    /// How far the journal has come, by reading it if need be.
    fn tail(&mut self, place: &Place) -> Result<Tail, JournalError> {
        if let Some(tail) = self.tail.take() {
            return Ok(tail);
        }
        let (scan, mut text) = place.scan(&mut self.file)?;
        Ok(Tail { position: scan.records.len() as u64, whole: scan.whole as u64, torn: text.split_off(scan.whole) })
    }

    /// Moves what an unfinished append left to a file beside the journal, and only then out of it.
    fn move_torn_aside(&mut self, place: &Place, tail: &mut Tail) -> Result<(), JournalError> {
        if tail.torn.is_empty() {
            return Ok(());
        }
        let path = place.torn();
        let moved = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(&tail.torn)?;
                file.write_all(b"\n")?;
                file.sync_data()
            })
            .and_then(|()| sync_folder(&place.folder()))
            .and_then(|()| self.file.set_len(tail.whole));
        moved.map_err(|error| place.io("cleared of a torn line", error))?;
        tracing::warn!(journal = %place.name(), moved_to = %path.display(), "moved an unfinished append aside");
        tail.torn.clear();
        Ok(())
    }

    /// Adds `text` to the file and to the disk, in one write. What fails is taken back where that is possible, so that a
    /// record that was never confirmed isn't read as one that was.
    fn write(&mut self, place: &Place, tail: &Tail, text: &[u8]) -> Result<(), JournalError> {
        let written = self.file.write_all(text).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            if let Err(undo) = self.file.set_len(tail.whole) {
                tracing::warn!(journal = %place.name(), error = %undo, "a failed append could not be taken back");
            }
            place.io("written", error)
        })
    }

    fn append(&mut self, place: &Place, position: u64, text: &[u8], count: u64) -> Result<(), JournalError> {
        let mut tail = self.tail(place)?;
        if tail.position != position {
            let found = tail.position;
            self.tail = Some(tail);
            return Err(place.moved(position, found));
        }
        self.move_torn_aside(place, &mut tail)?;
        self.write(place, &tail, text)?;
        tail.position += count;
        tail.whole += text.len() as u64;
        self.tail = Some(tail);
        Ok(())
    }
}

/// Appends `text`, made of `count` records, after exactly `position` others.
///
/// `slot` keeps the writer, and with it the lock, from the first successful append on. After a failed one the next reads
/// the journal again before it writes.
pub(super) fn append(
    slot: &mut Option<Writer>,
    place: &Place,
    position: u64,
    text: &[u8],
    count: u64,
) -> Result<(), JournalError> {
    // A journal that somebody replaced is another file: what is locked here says nothing about it.
    *slot = slot.take().filter(|writer| writer.is_current(&place.file()));
    if let Some(writer) = slot {
        return writer.append(place, position, text, count);
    }
    let mut writer = Writer::open(place, position)?;
    writer.append(place, position, text, count)?;
    *slot = Some(writer);
    Ok(())
}

/// Makes the journal's file where it isn't there, and its name durable.
fn create(place: &Place, path: &Path) -> io::Result<()> {
    let folder = place.folder();
    fs::create_dir_all(&folder)?;
    match OpenOptions::new().append(true).create_new(true).open(path) {
        Ok(_) => folder.ancestors().take(3).try_for_each(sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder durable. Only on Unix can, and must, a folder be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
