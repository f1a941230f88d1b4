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
    image_of(folder, &layers)
}

/// The same of layers that are tars already.
fn image_of(folder: &Path, layers: &[Vec<u8>]) -> Opened {
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
    names.iter().zip(layers).for_each(|(name, layer)| put(name, layer));
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

#[test]
fn a_hostile_image_brings_no_rights_and_no_devices() {
    let folder = TempDir::new().unwrap();
    let layer: &[Entry<'_>] = &[
        ("bin/su", FILE, 0o6755, "x"),
        ("bin/sticky", FILE, 0o1755, "x"),
        ("shared", DIRECTORY, 0o2777, ""),
        ("tmp", DIRECTORY, 0o1777, ""),
        ("disk", EntryType::Block, 0o666, ""),
        ("memory", EntryType::Char, 0o666, ""),
        ("pipe", EntryType::Fifo, 0o666, ""),
    ];
    let root = folder.path().join("unpacked/root");
    image(folder.path(), &[layer]).image.unpack(&root).unwrap();
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(["bin/su", "bin/sticky", "shared", "tmp"].map(mode), [0o755, 0o755, 0o777, 0o1777]);
    for special in ["disk", "memory", "pipe"] {
        assert!(fs::symlink_metadata(root.join(special)).is_err(), "{special}");
    }
    let above = fs::metadata(folder.path().join("unpacked")).unwrap().permissions().mode();
    assert_eq!(above & 0o777, 0o700, "nobody else looks into it");
}

#[test]
fn a_hostile_image_whose_hard_links_and_whiteouts_lead_out_reaches_nothing() {
    let folder = TempDir::new().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let target = outside.to_str().unwrap();
    let secret = outside.join("secret");
    for link in [secret.to_str().unwrap(), "../../../../../etc/passwd", "away/secret"] {
        let layer: &[Entry<'_>] = &[("away", SYMLINK, 0o777, target), ("mine", LINK, 0o644, link)];
        let root = folder.path().join("root");
        let refused = image(folder.path(), &[layer]).image.unpack(&root);
        assert!(refused.is_err() && !root.exists(), "{link}");
    }
    let away: &[Entry<'_>] = &[("away", SYMLINK, 0o777, target)];
    for gone in ["away/.wh.secret", "away/.wh..wh..opq"] {
        let above: &[Entry<'_>] = &[(gone, FILE, 0o644, "")];
        let root = folder.path().join(gone.replace('/', "-"));
        image(folder.path(), &[away, above]).image.unpack(&root).unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret", "{gone}");
    }
    for gone in [".wh...", ".wh..", ".wh."] {
        let above: &[Entry<'_>] = &[("a", FILE, 0o644, ""), (gone, FILE, 0o644, "")];
        let root = folder.path().join("root");
        let refused = image(folder.path(), &[above]).image.unpack(&root).unwrap_err().to_string();
        assert!(refused.contains("takes nothing away") && !root.exists(), "{gone}: {refused}");
    }
}

#[test]
fn a_hostile_layer_that_unpacks_without_end_is_refused_before_it_does() {
    let folder = TempDir::new().unwrap();
    // A name of a gigabyte, which a gzip of a megabyte holds, and a file of exabytes of holes.
    let header = |kind: EntryType, size: u64| {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.as_gnu_mut().unwrap().name[0] = b'a';
        header
    };
    let mut long = header(EntryType::GNULongName, 8 << 20);
    long.set_cksum();
    let long = [long.as_bytes().as_slice(), &vec![b'a'; 8 << 20], &[0; 1024]].concat();
    let mut holes = header(EntryType::GNUSparse, 0);
    holes.as_gnu_mut().unwrap().set_real_size(1 << 60);
    let mut last =
        tar::GnuSparseHeader { offset: *b"0000000000\0\0", numbytes: *b"0000000000\0\0" };
    last.offset = [0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0];
    holes.as_gnu_mut().unwrap().sparse[0] = last;
    holes.set_cksum();
    let holes = [holes.as_bytes().as_slice(), &[0; 1024]].concat();
    for (layer, why) in [(long, "more than 1 MiB"), (holes, "20 GiB")] {
        let opened = image_of(folder.path(), &[layer]);
        let root = folder.path().join("root");
        let refused = opened.image.unpack(&root).unwrap_err().to_string();
        assert!(refused.contains(why) && !root.exists(), "{refused}");
        let refused = opened.image.contents().unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn shifted_owners_are_nobody_of_this_machine() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("SKIPPED: giving files away needs root");
        return;
    }
    use std::os::unix::fs::MetadataExt;
    let folder = TempDir::new().unwrap();
    let layer: &[Entry<'_>] =
        &[("made/by/nobody", FILE, 0o644, "x"), ("link", SYMLINK, 0o777, "made")];
    let root = folder.path().join("root");
    image(folder.path(), &[layer]).image.unpack_shifted(&root, 1_000_000).unwrap();
    let owner = |path: &str| {
        let found = fs::symlink_metadata(root.join(path)).unwrap();
        (found.uid(), found.gid())
    };
    assert_eq!(owner("made/by/nobody"), (1_000_007, 1_000_008));
    assert_eq!(owner("link"), (1_000_007, 1_000_008));
    assert_eq!([owner(""), owner("made/by")], [(1_000_000, 1_000_000); 2]);
}
