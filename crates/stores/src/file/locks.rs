//! Advisory locks on byte ranges, across clients.
//!
//! `flock` is a lock on all bytes, as an NFS client makes of it: over NFS it and `fcntl` locks
//! exclude each other.

use std::collections::HashMap;

/// The first and the last byte, both inclusive.
pub(super) type Bytes = (u64, u64);

/// Every byte a file can have.
pub(super) const ALL_BYTES: Bytes = (0, u64::MAX);

/// Whom a lock belongs to: a client and what its kernel calls the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) client: u64,
    pub(super) id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) owner: Owner,
    /// The handle it was taken through.
    pub(super) handle: u64,
    pub(super) bytes: Bytes,
    pub(super) exclusive: bool,
    /// For `F_GETLK`.
    pub(super) pid: u32,
}

impl Lock {
    fn overlaps(&self, bytes: Bytes) -> bool {
        self.bytes.0 <= bytes.1 && bytes.0 <= self.bytes.1
    }

    fn excludes(&self, other: &Self) -> bool {
        self.owner != other.owner
            && (self.exclusive || other.exclusive)
            && self.overlaps(other.bytes)
    }
}

/// All locks, by file.
#[derive(Default)]
pub(super) struct Locks(HashMap<u64, Vec<Lock>>);

impl Locks {
    /// What keeps this lock from being taken.
    pub(super) fn against(&self, ino: u64, wanted: &Lock) -> Option<Lock> {
        self.0.get(&ino)?.iter().find(|held| held.excludes(wanted)).copied()
    }

    /// Takes the lock unless one is against it; it replaces what its owner held of the range.
    pub(super) fn take(&mut self, ino: u64, wanted: Lock) -> bool {
        if self.against(ino, &wanted).is_some() {
            return false;
        }
        self.release(ino, wanted.owner, wanted.bytes);
        self.0.entry(ino).or_default().push(wanted);
        true
    }

    /// Whether an owner holds any lock of this file that overlaps the range.
    pub(super) fn holds(&self, ino: u64, owner: Owner, bytes: Bytes) -> bool {
        let mut held = self.0.get(&ino).into_iter().flatten();
        held.any(|lock| lock.owner == owner && lock.overlaps(bytes))
    }

    /// Ends what an owner holds of a range; the rest of a lock that reaches beyond it stays.
    pub(super) fn release(&mut self, ino: u64, owner: Owner, bytes: Bytes) {
        self.replace(ino, |lock| {
            if lock.owner != owner || !lock.overlaps(bytes) {
                return vec![lock];
            }
            let ((first, last), (from, until)) = (lock.bytes, bytes);
            let before = (first < from).then(|| Lock { bytes: (first, from - 1), ..lock });
            let after = (last > until).then(|| Lock { bytes: (until + 1, last), ..lock });
            before.into_iter().chain(after).collect()
        });
    }

    /// Ends every lock of a file that was taken through this handle.
    pub(super) fn release_handle(&mut self, ino: u64, handle: u64) {
        self.replace(ino, |lock| if lock.handle == handle { vec![] } else { vec![lock] });
    }

    fn replace(&mut self, ino: u64, each: impl Fn(Lock) -> Vec<Lock>) {
        if let Some(locks) = self.0.get_mut(&ino) {
            *locks = std::mem::take(locks).into_iter().flat_map(each).collect();
            if locks.is_empty() {
                self.0.remove(&ino);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: u64 = 7;
    const BYTES: u64 = 12;

    fn lock(owner: u64, start: u64, end: u64, exclusive: bool) -> Lock {
        let owner = Owner { client: owner % 2, id: owner };
        Lock { owner, handle: owner.id, bytes: (start, end), exclusive, pid: 0 }
    }

    proptest! {
        /// The same moves on a table with one cell per byte and owner, which is obviously right.
        #[test]
        fn ranges_behave_like_single_bytes(
            moves in prop::collection::vec(
                (0u64..4, 0..BYTES, 0..BYTES, 0u8..3), 1..60
            ),
        ) {
            let mut locks = Locks::default();
            let mut cells = vec![[None::<bool>; 4]; BYTES as usize];
            for (owner, a, b, what) in moves {
                let wanted = lock(owner, a.min(b), a.max(b), what == 1);
                let range = wanted.bytes.0 as usize..=wanted.bytes.1 as usize;
                if what == 2 {
                    locks.release(FILE, wanted.owner, wanted.bytes);
                    cells[range].iter_mut().for_each(|cell| cell[owner as usize] = None);
                } else {
                    let free = cells[range.clone()].iter().all(|cell| {
                        let others = cell.iter().enumerate().filter(|(o, _)| *o as u64 != owner);
                        others.map(|(_, held)| held).all(|held| match held {
                            None => true,
                            Some(exclusive) => !exclusive && !wanted.exclusive,
                        })
                    });
                    prop_assert_eq!(locks.take(FILE, wanted), free);
                    if free {
                        let took = Some(wanted.exclusive);
                        cells[range].iter_mut().for_each(|cell| cell[owner as usize] = took);
                    }
                }
                for (byte, cell) in cells.iter().enumerate() {
                    for (owner, held) in cell.iter().enumerate() {
                        let probe = lock(owner as u64, byte as u64, byte as u64, true);
                        let holds = locks.holds(FILE, probe.owner, probe.bytes);
                        prop_assert_eq!(holds, held.is_some(), "byte {} owner {}", byte, owner);
                    }
                }
            }
        }
    }

    #[test]
    fn a_handle_leaves_no_lock_behind() {
        let mut locks = Locks::default();
        assert!(locks.take(FILE, lock(0, 0, 4, true)));
        assert!(!locks.take(FILE, lock(1, 4, 5, false)));
        locks.release_handle(FILE, 0);
        assert!(locks.take(FILE, lock(1, 4, 5, false)));
        locks.release_handle(FILE, 1);
        assert!(locks.0.is_empty());
    }
}
