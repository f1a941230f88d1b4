//! The binaries inside Gearshift.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use gearshift_services::{Linkage, all, service};

/// Program header type of the path to a dynamic loader (System V ABI, chapter 5).
const PT_INTERP: u32 = 3;

#[test]
fn a_static_binary_asks_for_no_loader() {
    for artefact in all() {
        let binary = artefact.bytes();
        let (size, carried) = (binary.len(), artefact.compressed_size());
        println!("{}: {size} bytes, {carried} as carried, {:?}", artefact.name, artefact.linkage);
        assert_eq!(binary.len() as u64, artefact.size);
        assert_eq!(has_loader(&binary), artefact.linkage == Linkage::Dynamic, "{}", artefact.name);
    }
    assert!(has_loader(&fs::read("/proc/self/exe").expect("readable")), "the test itself has one");
}

/// Reads the program headers of a 64-bit little-endian ELF file.
fn has_loader(elf: &[u8]) -> bool {
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01", "64 bits, little-endian");
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&elf[at..at + length]);
        u64::from_le_bytes(bytes) as usize
    };
    let (table, entry_size, entries) = (number(32, 8), number(54, 2), number(56, 2));
    (0..entries).any(|n| number(table + n * entry_size, 4) == PT_INTERP as usize)
}

#[test]
fn an_unknown_service_is_refused_with_the_known_ones() {
    let refused = service("function-rust-lost-update").expect_err("it is not in here").to_string();
    assert!(refused.contains("hits, function-rust"), "{refused}");
}

#[test]
fn a_binary_is_placed_whole_and_executable_under_its_digest() {
    let dir = tempfile::tempdir().expect("space");
    let hits = service("hits").expect("it is built in");
    let path = hits.place_in(&dir.path().join("not/yet/there")).expect("space");
    assert!(path.ends_with(format!("{}/hits", &hits.digest[..16])), "{}", path.display());
    assert!(fs::read(&path).expect("readable") == hits.bytes());
    assert_eq!(mode(&path), 0o755);
}

#[test]
fn a_sound_file_is_left_alone_and_a_broken_one_is_repaired() {
    let dir = tempfile::tempdir().expect("space");
    let hits = service("hits").expect("it is built in");
    let path = hits.place_in(dir.path()).expect("space");
    let placed = fs::metadata(&path).expect("it lies there").modified().expect("a time");
    hits.place_in(dir.path()).expect("space");
    assert_eq!(fs::metadata(&path).expect("it lies there").modified().expect("a time"), placed);

    let mut flipped = hits.bytes();
    flipped[4096] ^= 1;
    fs::write(&path, &flipped).expect("writable");
    hits.place_in(dir.path()).expect("space");
    assert!(fs::read(&path).expect("readable") == hits.bytes(), "a flipped bit is repaired");

    fs::write(&path, &flipped[..100]).expect("writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    hits.place_in(dir.path()).expect("space");
    assert!(fs::read(&path).expect("readable") == hits.bytes(), "a cut file is repaired");
    assert_eq!(mode(&path), 0o755);
}

#[test]
fn many_at_once_place_one_sound_file_and_leave_nothing_else() {
    let dir = tempfile::tempdir().expect("space");
    let hits = service("hits").expect("it is built in");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let path = hits.place_in(dir.path()).expect("space");
                assert!(fs::read(path).expect("readable") == hits.bytes());
            });
        }
    });
    let home = dir.path().join(&hits.digest[..16]);
    let names: Vec<_> = fs::read_dir(home).expect("it is there").flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it lies there").permissions().mode() & 0o777
}
