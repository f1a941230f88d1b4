//! Reading a tar that others made: as much as an image may have, and no more.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The most an image's files may have together, bytes: what AWS Fargate gives a task for its image and
/// all it writes (source: AWS, "Fargate task ephemeral storage for Amazon ECS": 20 GiB).
pub(crate) const LARGEST: u64 = 20 << 30;
/// Names and attributes of one entry, bytes. They are held in memory.
const LARGEST_HEADERS: u64 = 1 << 20;
/// As long as Linux lets a path be (PATH_MAX, linux/limits.h).
const LONGEST_PATH: usize = 4096;
/// Entries of one tar. Far beyond the largest images, and a gigabyte of names (assumed).
const MOST_ENTRIES: u64 = 2_000_000;

/// Shows every entry of a tar in order. What `visit` leaves of an entry is passed over.
///
/// # Errors
/// Of reading and of `visit`; and [`io::ErrorKind::InvalidData`] where the entries together are larger
/// than [`LARGEST`], are too many, or one has too long a name.
pub(crate) fn each<'a>(
    tar: impl Read + 'a,
    mut visit: impl FnMut(&mut tar::Entry<'_, Box<dyn Read + 'a>>) -> io::Result<()>,
) -> io::Result<()> {
    let allowed = Rc::new(Cell::new(0));
    let allowance = Allowance { inner: tar, left: allowed.clone() };
    let mut archive = tar::Archive::new(Box::new(allowance) as Box<dyn Read + 'a>);
    let mut entries = archive.entries()?;
    let (mut bytes, mut count) = (0u64, 0);
    loop {
        allowed.set(LARGEST_HEADERS);
        let Some(entry) = entries.next() else { return Ok(()) };
        let mut entry = entry?;
        allowed.set(u64::MAX);
        // Of a file with holes this is what it unpacks to.
        bytes = bytes.saturating_add(entry.size());
        count += 1;
        if bytes > LARGEST {
            return Err(refused("its files have more than 20 GiB, the most that Fargate takes"));
        }
        if count > MOST_ENTRIES {
            return Err(refused("it has more than 2,000,000 entries"));
        }
        let link = entry.link_name_bytes().map_or(0, |link| link.len());
        if entry.path_bytes().len().max(link) > LONGEST_PATH {
            return Err(refused("it has a path of more than 4,096 bytes"));
        }
        visit(&mut entry)?;
        io::copy(&mut entry, &mut io::sink())?;
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A reader that gives no more than it is allowed at the moment.
struct Allowance<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Allowance<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(refused("the names and attributes of one entry have more than 1 MiB"));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}
