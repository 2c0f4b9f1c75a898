//! Where journals are kept: in memory, or as files.

mod file;
mod lines;
mod memory;
mod place;
mod writer;

pub use self::file::FileJournal;
pub use self::memory::MemoryJournal;
