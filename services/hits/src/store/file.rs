//! The count in a file that several processes may share, on one machine or over NFS.
//!
//! The file holds two records of one line each, at offsets 0 and 4096: `hits1`, the count in 20
//! digits, and the CRC-32 of both. The highest whole one counts; the other is overwritten, so that a
//! write that is cut at any byte leaves the count before it. Everything happens under an exclusive
//! lock on the file.
//!
//! Hits that arrive while others are written are written together, under one lock: a file that takes
//! a hundred writes a second takes many more hits.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{HitStore, StoreError};

/// Bytes of a record.
const RECORD: usize = 36;
/// Of them those that the checksum covers.
const CHECKED: usize = 26;
/// Where the two records lie: apart by more than a disk or a network writes at once.
const PLACES: [u64; 2] = [0, 4096];

/// A count in a file.
pub struct FileStore {
    path: PathBuf,
    adds: mpsc::Sender<Add>,
}

/// One hit that waits for its number.
type Add = oneshot::Sender<Result<u64, StoreError>>;

impl FileStore {
    /// A count in the file at `path`, which is made at the first hit. Opens nothing yet.
    ///
    /// # Panics
    /// Where the operating system gives no thread.
    pub fn new(path: PathBuf) -> Self {
        let (adds, waiting) = mpsc::channel();
        let written = path.clone();
        let writer = std::thread::Builder::new().name("counter".into());
        writer.spawn(move || write_all(&written, &waiting)).expect("a thread for the counter");
        Self { path, adds }
    }
}

#[async_trait]
impl HitStore for FileStore {
    async fn add(&self) -> Result<u64, StoreError> {
        let (answer, added) = oneshot::channel();
        let gone = |_| StoreError::Refused {
            store: name(&self.path),
            why: "its writer has ended".to_owned(),
        };
        self.adds.send(answer).map_err(|_| gone(()))?;
        added.await.map_err(|_| gone(()))?
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let file = match File::open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
                opened => opened?,
            };
            file.lock_shared()?;
            Ok(Records::read(&file)?.count())
        });
        let read: io::Result<u64> = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let unread = |error: io::Error| StoreError::Unread {
            store: name(&self.path),
            why: error.to_string(),
        };
        read.map_err(unread)
    }
}

/// The writer's thread: takes what waits, adds it at once, tells each its number.
fn write_all(path: &Path, waiting: &mpsc::Receiver<Add>) {
    let mut file = None;
    while let Ok(first) = waiting.recv() {
        let adds: Vec<Add> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let written = add(path, &mut file, adds.len() as u64);
        if written.is_err() {
            // Opened anew next time: after a failure the file may be another one.
            file = None;
        }
        for (add, after) in adds.into_iter().zip(1..) {
            // Who asked may be gone; the hit counts all the same.
            let _ = add.send(written.clone().map(|before| before + after));
        }
    }
}

/// Adds `hits` and returns the count before them.
fn add(path: &Path, opened: &mut Option<File>, hits: u64) -> Result<u64, StoreError> {
    let refused =
        |error: io::Error| StoreError::Refused { store: name(path), why: error.to_string() };
    let file = match opened {
        Some(file) => file,
        None => opened.insert(open(path).map_err(refused)?),
    };
    file.lock().map_err(refused)?;
    let written = Records::read(file).map_err(refused).and_then(|records| {
        let before = records.count();
        let unknown =
            |error: io::Error| StoreError::Unknown { store: name(path), why: error.to_string() };
        file.write_all_at(&record(before + hits), records.place_to_write()).map_err(unknown)?;
        file.sync_data().map_err(unknown)?;
        Ok(before)
    });
    // A lock that cannot be given back is given back by closing.
    if file.unlock().is_err() {
        *opened = None;
    }
    written
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// What the two records say; none where one is not whole.
struct Records([Option<u64>; 2]);

impl Records {
    fn read(file: &File) -> io::Result<Self> {
        let mut bytes = [0; PLACES[1] as usize + RECORD];
        let length = read_as_much(file, &mut bytes)?;
        let at = |place: u64| {
            let place = place as usize;
            bytes[..length].get(place..place + RECORD).and_then(count_in)
        };
        let records = Self(PLACES.map(at));
        // Of a file shorter than a record the first write was cut; a longer one held a count.
        if records.0 == [None, None] && length >= RECORD {
            let why = "it is no counter: neither of its two records is whole → restore it, or \
                       remove it to begin at 0";
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(records)
    }

    fn count(&self) -> u64 {
        self.0.into_iter().flatten().max().unwrap_or_default()
    }

    /// The record that does not hold the count.
    fn place_to_write(&self) -> u64 {
        let newest_is_first = self.0[0].is_some() && self.0[0] >= self.0[1];
        PLACES[usize::from(newest_is_first)]
    }
}

fn read_as_much(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn record(count: u64) -> [u8; RECORD] {
    let checked = format!("hits1 {count:020}");
    let line = format!("{checked} {:08x}\n", crc32fast::hash(checked.as_bytes()));
    line.into_bytes().try_into().expect("a record has one length")
}

fn count_in(bytes: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(bytes.get(6..CHECKED)?).ok()?;
    let count = digits.parse().ok()?;
    (bytes == record(count)).then_some(count)
}

fn name(path: &Path) -> String {
    format!("file {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adding(store: &FileStore) -> Result<u64, StoreError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.add())
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_write_cut_at_any_byte_leaves_the_count_before_it() {
        let folder = folder();
        for written in 0..3 {
            let path = folder.path().join(format!("after-{written}"));
            let mut file = None;
            for _ in 0..written {
                add(&path, &mut file, 7).unwrap();
            }
            let file = open(&path).unwrap();
            let place = Records::read(&file).unwrap().place_to_write();
            let mut lying = [0; RECORD];
            let length = file.read_at(&mut lying, place).unwrap();
            let new = record(7 * written + 1);
            // What a cut write misses may lie there already: then it was not cut at all.
            let told_apart = new.iter().zip(lying).rposition(|(new, old)| *new != old).unwrap();
            for cut in 0..=told_apart {
                file.write_all_at(&lying[..length], place).unwrap();
                file.write_all_at(&new[..cut], place).unwrap();
                assert_eq!(Records::read(&file).unwrap().count(), 7 * written, "cut at {cut}");
            }
            assert_eq!(add(&path, &mut None, 1).unwrap(), 7 * written);
            assert_eq!(Records::read(&file).unwrap().count(), 7 * written + 1);
        }
    }

    #[test]
    fn threads_and_stores_that_share_a_file_get_every_value_exactly_once() {
        let folder = folder();
        let path = folder.path().join("hits");
        let stores = [(); 3].map(|()| FileStore::new(path.clone()));
        let values = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for adder in 0..12 {
                let (store, values) = (&stores[adder % 3], &values);
                scope.spawn(move || {
                    for _ in 0..40 {
                        let value = adding(store).unwrap();
                        values.lock().unwrap().push(value);
                    }
                });
            }
        });
        let mut values = values.into_inner().unwrap();
        values.sort_unstable();
        assert!(values.into_iter().eq(1..=12 * 40));
    }

    #[test]
    fn a_file_that_is_no_counter_is_refused_and_left_alone() {
        let folder = folder();
        let path = folder.path().join("notes");
        let notes = "these are forty bytes or so of somebody's notes";
        std::fs::write(&path, notes).unwrap();
        let refused = adding(&FileStore::new(path.clone())).unwrap_err().to_string();
        assert!(refused.contains("notes") && refused.contains("remove it"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let store = FileStore::new("/nonexistent/hits".into());
        assert!(adding(&store).unwrap_err().to_string().contains("/nonexistent/hits"));
    }
}
