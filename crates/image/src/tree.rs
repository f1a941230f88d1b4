//! The files of an image, as its layers make them.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::digest::{Digest, Hashing};
use crate::elf;
use crate::sbom::is_database;
use crate::tarball;

/// Package managers' databases together, bytes: they are held in memory. Debian's largest have some
/// megabytes (assumed).
const LARGEST_KEPT: u64 = 256 << 20;

/// As many symbolic links as Linux follows in one path.
const MOST_LINKS: usize = 40;

/// A file that a layer takes away begins so; the rest is what it takes away.
pub(crate) const WHITEOUT: &str = ".wh.";
/// Takes away all that lower layers have in its directory.
pub(crate) const OPAQUE: &str = ".wh..wh..opq";

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub kind: Kind,
    pub mode: u32,
    /// In bytes; 0 for all but files.
    pub size: u64,
    /// Counted from 0, the lowest.
    pub layer: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File {
        digest: Digest,
        /// The program that starts this one, where it is a script or a dynamic program.
        started_by: Option<String>,
        /// As Go calls it, where this is an ELF file.
        architecture: Option<String>,
    },
    Symlink(String),
    /// A device, a pipe.
    Special,
}

/// All paths, without leading slash.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileTree {
    nodes: BTreeMap<String, Node>,
    /// The content of package managers' databases.
    kept: BTreeMap<String, Vec<u8>>,
    /// Of all that was ever kept, bytes.
    kept_bytes: u64,
}

/// How many files one layer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Files and links, without directories and whiteouts.
    pub files: u64,
}

impl FileTree {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// The content of a package manager's database, where the image has one there.
    pub fn kept(&self, path: &str) -> Option<String> {
        let node = self.nodes.get(path)?;
        let bytes = self.kept.get(path).filter(|_| matches!(node.kind, Kind::File { .. }))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// All of them, by path.
    pub fn all_kept(&self) -> impl Iterator<Item = (&str, String)> {
        self.kept.keys().filter_map(|path| Some((path.as_str(), self.kept(path)?)))
    }

    /// Lays one unpacked layer on top.
    pub fn apply(&mut self, layer: usize, unpacked: impl Read) -> io::Result<Counted> {
        let mut counted = Counted::default();
        tarball::each(unpacked, |entry| {
            let path = clean(&String::from_utf8_lossy(&entry.path_bytes()));
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let parent = self.real(parent, 0).unwrap_or_else(|| parent.to_owned());
            if name == OPAQUE {
                self.remove_below(&parent, Some(layer));
            } else if let Some(gone) = name.strip_prefix(WHITEOUT) {
                self.remove(&join(&parent, gone));
            } else if !name.is_empty() {
                let path = join(&parent, name);
                let mut kept = Vec::new();
                let node = if is_database(&path) {
                    self.kept_bytes += entry.size();
                    if self.kept_bytes > LARGEST_KEPT {
                        return Err(io::Error::other(
                            "its lists of packages have more than 256 MiB",
                        ));
                    }
                    self.node(layer, entry, |bytes| kept.extend_from_slice(bytes))?
                } else {
                    self.node(layer, entry, |_| {})?
                };
                counted.files += u64::from(node.kind != Kind::Directory);
                if !kept.is_empty() {
                    self.kept.insert(path.clone(), kept);
                }
                self.insert(path, node);
            }
            Ok(())
        })?;
        Ok(counted)
    }

    fn node(
        &self,
        layer: usize,
        entry: &mut tar::Entry<'_, impl Read>,
        keep: impl FnMut(&[u8]),
    ) -> io::Result<Node> {
        use tar::EntryType as Type;
        let mode = entry.header().mode()?;
        let link = entry.link_name_bytes();
        let link = link.map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default();
        let size = entry.size();
        let kind = match entry.header().entry_type() {
            Type::Directory => Kind::Directory,
            Type::Symlink => Kind::Symlink(link),
            Type::Link => {
                let target = self.real(&clean(&link), 0).and_then(|path| self.nodes.get(&path));
                return Ok(match target {
                    Some(target) => Node { layer, ..target.clone() },
                    None => Node { kind: Kind::Special, mode, size: 0, layer },
                });
            }
            Type::Regular | Type::Continuous | Type::GNUSparse => file(entry, keep)?,
            _ => Kind::Special,
        };
        let size = if matches!(kind, Kind::File { .. }) { size } else { 0 };
        Ok(Node { kind, mode: mode & 0o7777, size, layer })
    }

    fn insert(&mut self, path: String, node: Node) {
        if node.kind != Kind::Directory {
            self.remove_below(&path, None);
        }
        self.nodes.insert(path, node);
    }

    fn remove(&mut self, path: &str) {
        self.remove_below(path, None);
        self.nodes.remove(path);
    }

    /// Removes what lies in a directory; what this layer itself put there stays.
    fn remove_below(&mut self, directory: &str, keep: Option<usize>) {
        let prefix = join(directory, "");
        let below = self.nodes.range(prefix.clone()..);
        let gone: Vec<String> = below
            .take_while(|(path, _)| path.starts_with(&prefix))
            .filter(|(_, node)| Some(node.layer) != keep)
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.nodes.remove(&path);
        }
    }

    /// What a path leads to, through symbolic links.
    pub fn resolve(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&self.real(&clean(path), 0)?)
    }

    /// Whether a path leads to a directory. The root is one in every image.
    pub fn is_directory(&self, path: &str) -> bool {
        clean(path).is_empty()
            || self.resolve(path).is_some_and(|node| node.kind == Kind::Directory)
    }

    /// A clean path without symbolic links in it; none where it leads nowhere. Directories that no
    /// layer names are there all the same.
    fn real(&self, path: &str, links: usize) -> Option<String> {
        if links > MOST_LINKS {
            return None;
        }
        let mut real = String::new();
        let mut rest = path.split('/').filter(|part| !part.is_empty());
        while let Some(part) = rest.next() {
            let next = join(&real, part);
            let Some(Node { kind: Kind::Symlink(target), .. }) = self.nodes.get(&next) else {
                real = next;
                continue;
            };
            let from = if target.starts_with('/') { "" } else { real.as_str() };
            let rest = rest.collect::<Vec<_>>().join("/");
            return self.real(&clean(&format!("{from}/{target}/{rest}")), links + 1);
        }
        Some(real)
    }
}

/// Reads a file to its end.
fn file(entry: &mut tar::Entry<'_, impl Read>, mut keep: impl FnMut(&[u8])) -> io::Result<Kind> {
    let mut hashing = Hashing::new(entry);
    let mut first = Vec::new();
    hashing.by_ref().take(elf::LOOKED_AT as u64).read_to_end(&mut first)?;
    keep(&first);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match hashing.read(&mut piece)? {
            0 => break,
            read => keep(&piece[..read]),
        }
    }
    Ok(Kind::File {
        digest: hashing.digest(),
        started_by: elf::started_by(&first),
        architecture: elf::inspect(&first).map(|program| program.architecture),
    })
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Without leading slash, `.`, `..` and doubled slashes.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
