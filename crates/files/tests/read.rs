//! What a user may name by mistake or by malice is refused by name, at once.

use std::fs;
use std::path::Path;

use gearshift_files::{ReadError, read, read_text};
use nix::sys::stat::Mode;

#[test]
fn a_file_up_to_the_limit_is_read_and_one_byte_more_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("five");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    let error = read(&path, 4).unwrap_err();
    assert!(matches!(error, ReadError::TooLarge { limit: 4, .. }));
    assert!(error.to_string().contains("five"), "{error}");
}

#[test]
fn pipes_devices_and_directories_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    for (path, what) in [
        (pipe.as_path(), "a named pipe"),
        (Path::new("/dev/zero"), "a device"),
        (folder.path(), "a directory"),
    ] {
        let error = read(path, 10).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("→"), "{error}");
    }
}

#[test]
fn what_is_absent_is_told_from_what_is_forbidden_and_what_is_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes");
    assert!(read_text(&path, 10).unwrap_err().is_absent());
    fs::write(&path, [b'a', 0xff]).unwrap();
    assert!(matches!(read_text(&path, 10), Err(ReadError::NotText { at: 1, .. })));
}
