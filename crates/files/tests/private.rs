//! What another user of the machine may have put there beforehand is never used.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use gearshift_files::{PrivateDir, PrivateError};

/// `nobody` everywhere that matters.
const NOBODY: u32 = 65534;

/// False, loudly, where this user cannot give files to another one.
fn as_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root");
        eprintln!("SKIPPED: only root can make what another user would have made");
    }
    root
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn refused(path: &Path) -> String {
    PrivateDir::open_or_create(path).expect_err("it must be refused").to_string()
}

#[test]
fn what_is_made_is_readable_by_nobody_else_whatever_the_umask() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("a/b/c");
    let private = PrivateDir::open_or_create(&place).unwrap();
    private.write("secret", b"one").unwrap();
    private.write("secret", b"two").unwrap();
    private.dir("d").unwrap().create("log").unwrap().write_all(b"said").unwrap();
    drop(private.lock("lock").unwrap());
    for directory in ["a", "a/b", "a/b/c", "a/b/c/d"] {
        assert_eq!(mode(&home.path().join(directory)), 0o700, "{directory}");
    }
    for file in ["secret", "d/log", "lock"] {
        assert_eq!(mode(&place.join(file)), 0o600, "{file}");
    }
    assert_eq!(private.read("secret", 3).unwrap().unwrap(), b"two");
    assert_eq!(private.names().unwrap(), ["d", "lock", "secret"], "nothing half-written is left");
    private.remove("d").unwrap();
    private.remove("d").unwrap();
    assert!(private.existing("d").unwrap().is_none());
    assert!(private.read("d", 1).unwrap().is_none());
}

#[test]
fn a_directory_of_ours_that_others_could_read_is_closed_and_one_they_could_write_to_refused() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("place");
    fs::create_dir(&place).unwrap();
    set_mode(&place, 0o755);
    PrivateDir::open_or_create(&place).unwrap();
    assert_eq!(mode(&place), 0o700);
    for open in [0o722, 0o777, 0o1777] {
        set_mode(&place, open);
        let said = refused(&place);
        assert!(said.contains(&format!("mode {open:04o}")), "{said}");
        assert!(said.contains("place: ") && said.contains(" → chmod go-w"), "{said}");
    }
}

#[test]
fn a_directory_on_the_way_that_others_may_write_to_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let shared = home.path().join("shared");
    fs::create_dir_all(shared.join("ours")).unwrap();
    set_mode(&shared.join("ours"), 0o700);
    set_mode(&shared, 0o777);
    assert!(matches!(
        PrivateDir::open_or_create(&shared.join("ours/place")),
        Err(PrivateError::Open { path, .. }) if path == shared
    ));
    // As /tmp: all may write, each only takes its own away.
    set_mode(&shared, 0o1777);
    PrivateDir::open_or_create(&shared.join("ours/place")).unwrap();
}

#[test]
fn what_another_user_made_beforehand_is_refused_with_its_owner() {
    if !as_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let shared = home.path().join("tmp");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    let planted = shared.join("gearshift-0");
    fs::create_dir(&planted).unwrap();
    set_mode(&planted, 0o700);
    chown(&planted, Some(NOBODY), None).unwrap();
    for place in [planted.clone(), planted.join("run")] {
        let said = refused(&place);
        assert!(said.contains("gearshift-0: it belongs to uid 65534, not to uid 0 → "), "{said}");
    }
    assert_eq!(fs::read_dir(&planted).unwrap().count(), 0, "nothing was made in it");

    let private = PrivateDir::open_or_create(&home.path().join("ours")).unwrap();
    let file = private.path().join("planted");
    fs::write(&file, "theirs").unwrap();
    chown(&file, Some(NOBODY), None).unwrap();
    assert!(matches!(private.read("planted", 9), Err(PrivateError::NotOurs { owner: NOBODY, .. })));
}

#[test]
fn a_link_in_a_directory_that_all_share_is_never_followed() {
    let home = tempfile::tempdir().unwrap();
    let (shared, elsewhere) = (home.path().join("tmp"), home.path().join("elsewhere"));
    fs::create_dir(&shared).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    set_mode(&shared, 0o1777);
    symlink(&elsewhere, shared.join("link")).unwrap();
    for place in [shared.join("link"), shared.join("link/place")] {
        let said = refused(&place);
        assert!(said.contains("tmp/link: it is a symbolic link → "), "{said}");
    }
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "nothing was made behind it");
    // One in a directory of our own is our own decision, such as a cache on a bigger disk.
    symlink("elsewhere", home.path().join("ours")).unwrap();
    let private = PrivateDir::open_or_create(&home.path().join("ours/place")).unwrap();
    assert_eq!(private.path(), elsewhere.canonicalize().unwrap().join("place"));
    // A circle ends.
    symlink("circle", home.path().join("circle")).unwrap();
    assert!(refused(&home.path().join("circle/place")).contains("symbolic link"));
}

#[test]
fn links_pipes_and_devices_inside_are_not_opened_and_nothing_behind_a_link_changes() {
    let home = tempfile::tempdir().unwrap();
    let victim = home.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let private = PrivateDir::open_or_create(&home.path().join("place")).unwrap();
    for name in ["log", "fence"] {
        symlink(&victim, private.path().join(name)).unwrap();
    }
    assert!(matches!(private.create("log"), Err(PrivateError::Link { .. })));
    assert!(matches!(private.lock("fence"), Err(PrivateError::Link { .. })));
    assert!(matches!(private.read("log", 99), Err(PrivateError::Link { .. })));
    symlink(home.path(), private.path().join("dir")).unwrap();
    assert!(matches!(private.dir("dir"), Err(PrivateError::Link { .. })));
    // A file that is replaced takes the link's name; what is removed is the link.
    private.write("log", b"ours").unwrap();
    private.remove("fence").unwrap();
    private.remove("dir").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    nix::unistd::mkfifo(&private.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(private.read("pipe", 99), Err(PrivateError::Other { .. })));
    assert!(matches!(private.create("pipe"), Err(PrivateError::Other { .. })));
    assert!(matches!(private.read("log", 3), Err(PrivateError::TooLarge { limit: 3, .. })));
}

#[test]
fn a_directory_in_a_folder_is_ours_alone_whatever_the_folder_is() {
    let home = tempfile::tempdir().unwrap();
    set_mode(home.path(), 0o777);
    let below = |names: &[&str]| PrivateDir::below(home.path(), names);
    let ours = below(&[".gearshift", "image"]).unwrap();
    assert_eq!(ours.path(), home.path().join(".gearshift/image"));
    assert_eq!(mode(ours.path()), 0o700);
    // What others read beside it is the user's own matter.
    set_mode(&home.path().join(".gearshift"), 0o755);
    below(&[".gearshift", "image"]).unwrap();
    assert_eq!(mode(&home.path().join(".gearshift")), 0o755);
    symlink(ours.path(), home.path().join("link")).unwrap();
    for names in [&["link"][..], &["link", "image"]] {
        assert!(matches!(below(names), Err(PrivateError::Link { .. })), "{names:?}");
    }
    if as_root() {
        chown(home.path().join(".gearshift"), Some(NOBODY), None).unwrap();
        let said = below(&[".gearshift", "image"]).expect_err("another user's").to_string();
        assert!(said.contains(".gearshift: it belongs to uid 65534"), "{said}");
    }
}

#[test]
fn a_place_that_is_relative_or_a_file_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    assert!(
        refused(Path::new("cache/gearshift")).contains("cache/gearshift: it is not an absolute")
    );
    fs::write(home.path().join("file"), "").unwrap();
    for place in ["file", "file/place"] {
        let said = refused(&home.path().join(place));
        assert!(said.contains("file: it is not a directory → "), "{said}");
    }
}

#[test]
fn a_socket_is_bound_below_a_path_longer_than_an_address_may_be() {
    let home = tempfile::tempdir().unwrap();
    let deep = home.path().join("d".repeat(120)).join("e".repeat(120));
    let private = PrivateDir::open_or_create(&deep).unwrap();
    if !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: only Linux has short paths to open directories");
        return;
    }
    UnixListener::bind(private.short("control.sock")).expect("a short path");
    assert!(fs::symlink_metadata(deep.join("control.sock")).unwrap().mode() & 0o170000 == 0o140000);
}
