//! Unpacking images made by hand, layer by layer, into a directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gearshift_image::{Opened, Platform, Reference, open_here};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use tempfile::TempDir;

/// What a layer has: path, kind, mode, and content or target.
type Entry<'a> = (&'a str, EntryType, u32, &'a str);

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const SYMLINK: EntryType = EntryType::Symlink;
const LINK: EntryType = EntryType::Link;

fn layer(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, mode, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_uid(7);
        header.set_gid(8);
        header.set_size(if *kind == FILE { content.len() as u64 } else { 0 });
        // By hand: the builder refuses paths that lead out, and the test is about those.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if [SYMLINK, LINK].contains(kind) {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        tar.append(&header, if *kind == FILE { content.as_bytes() } else { b"" }).unwrap();
    }
    tar.into_inner().unwrap()
}

/// An image as `docker save` writes it.
fn image(folder: &Path, layers: &[&[Entry<'_>]]) -> Opened {
    let layers: Vec<Vec<u8>> = layers.iter().map(|entries| layer(entries)).collect();
    let ids: Vec<String> =
        layers.iter().map(|layer| format!("sha256:{:x}", Sha256::digest(layer))).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/x"] },
        "rootfs": { "type": "layers", "diff_ids": ids },
    });
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}.tar")).collect();
    let list = serde_json::json!([{ "Config": "config.json", "RepoTags": null, "Layers": names }]);
    let path = folder.join("image.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    let mut put = |name: &str, bytes: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    put("manifest.json", list.to_string().as_bytes());
    put("config.json", config.to_string().as_bytes());
    names.iter().zip(&layers).for_each(|(name, layer)| put(name, layer));
    drop(tar);
    let reference = Reference::find(path.to_str().unwrap()).unwrap();
    open_here(&reference, &Platform::linux("amd64")).unwrap().unwrap()
}

fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

#[test]
fn upper_layers_replace_and_take_away() {
    let folder = TempDir::new().unwrap();
    let below: &[Entry<'_>] = &[
        ("etc", DIRECTORY, 0o755, ""),
        ("etc/kept", FILE, 0o644, "kept"),
        ("etc/changed", FILE, 0o644, "old"),
        ("etc/gone", FILE, 0o644, "gone"),
        ("var/hidden/a", FILE, 0o644, "a"),
        ("was-a-directory/x", FILE, 0o644, "x"),
    ];
    let above: &[Entry<'_>] = &[
        ("etc/changed", FILE, 0o600, "new"),
        ("etc/.wh.gone", FILE, 0o644, ""),
        ("var/hidden/b", FILE, 0o644, "b"),
        ("var/hidden/.wh..wh..opq", FILE, 0o644, ""),
        ("was-a-directory", FILE, 0o755, "now a file"),
    ];
    let root = folder.path().join("root");
    image(folder.path(), &[below, above]).image.unpack(&root).unwrap();
    let found = ["etc/kept", "etc/changed", "etc/gone", "var/hidden/a", "var/hidden/b"]
        .map(|path| read(&root, path));
    let expected = [Some("kept"), Some("new"), None, None, Some("b")];
    assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
    assert_eq!(read(&root, "was-a-directory").as_deref(), Some("now a file"));
    let mode = fs::metadata(root.join("etc/changed")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    if nix::unistd::Uid::effective().is_root() {
        use std::os::unix::fs::MetadataExt;
        let owned = fs::metadata(root.join("etc/kept")).unwrap();
        assert_eq!((owned.uid(), owned.gid()), (7, 8));
    }
}

#[test]
fn links_are_followed_as_they_are_inside_the_image() {
    let folder = TempDir::new().unwrap();
    let below: &[Entry<'_>] = &[
        ("usr/bin/tool", FILE, 0o755, "tool"),
        ("bin", SYMLINK, 0o777, "usr/bin"),
        ("run", DIRECTORY, 0o755, ""),
        ("var/run", SYMLINK, 0o777, "/run"),
        ("usr/bin/same", LINK, 0o755, "bin/tool"),
    ];
    let above: &[Entry<'_>] =
        &[("bin/other", FILE, 0o755, "other"), ("var/run/pid", FILE, 0o644, "1")];
    let root = folder.path().join("root");
    image(folder.path(), &[below, above]).image.unpack(&root).unwrap();
    assert_eq!(read(&root, "usr/bin/other").as_deref(), Some("other"));
    assert_eq!(read(&root, "usr/bin/same").as_deref(), Some("tool"));
    assert_eq!(read(&root, "run/pid").as_deref(), Some("1"));
    assert!(fs::symlink_metadata(root.join("bin")).unwrap().is_symlink());
}

#[test]
fn nothing_is_written_outside() {
    let folder = TempDir::new().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let target = outside.to_str().unwrap();
    let layer: &[Entry<'_>] = &[
        ("up", SYMLINK, 0o777, "../../../../../../.."),
        ("away", SYMLINK, 0o777, target),
        ("../../escaped", FILE, 0o644, "x"),
        ("up/escaped", FILE, 0o644, "x"),
        ("away/escaped", FILE, 0o644, "x"),
    ];
    let root = folder.path().join("root");
    image(folder.path(), &[layer]).image.unpack(&root).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(!folder.path().join("escaped").exists() && !Path::new("/escaped").exists());
    assert_eq!(read(&root, "escaped").as_deref(), Some("x"));
}

#[test]
fn a_layer_that_does_not_fit_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let layer: &[Entry<'_>] = &[("a", FILE, 0o644, "a")];
    let mut opened = image(folder.path(), &[layer]);
    let other = format!("sha256:{}", "0".repeat(64));
    opened.image.config.rootfs.diff_ids[0] = other.parse().unwrap();
    let root = folder.path().join("root");
    let refused = opened.image.unpack(&root).unwrap_err().to_string();
    assert!(refused.contains("is damaged") && refused.contains(&other), "{refused}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "only the image itself: {left:?}");
}
