//! A first manifest, drafted by looking at a folder.

mod container;
mod go;
mod node;
mod python;
mod render;
mod rust;
mod web;

use std::fs;
use std::path::Path;

/// What a look at a folder came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The file by which the service was recognised, such as `package.json`.
    pub seen: String,
    /// A name that fits, from that file or the folder.
    pub name: String,
    pub command: Vec<String>,
    /// What to run once before, such as a compiler.
    pub before: Option<String>,
    /// What was guessed and should be looked at.
    pub doubts: Vec<String>,
}

/// Files that say what a folder holds (`package.json`, `Cargo.toml`, a Dockerfile) are kilobytes.
const LOOKED_AT_BYTES: u64 = 4 * 1024 * 1024;

/// What is known about a folder before its language is.
pub(crate) struct Folder<'a> {
    pub(crate) path: &'a Path,
}

impl Folder<'_> {
    /// The text of a file in it, where there is one.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        gearshift_files::read_text(&self.path.join(name), LOOKED_AT_BYTES).ok()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Names of its files and folders, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Its own name, made to fit.
    pub(crate) fn name(&self) -> String {
        let path = std::path::absolute(self.path).unwrap_or_default();
        fitting(path.file_name().and_then(|name| name.to_str()).unwrap_or("service"))
    }
}

/// Looks at a folder; none where nothing in it is known.
///
/// A compiled or interpreted service goes before a Dockerfile: a command starts on every gear,
/// while a Dockerfile's needs the files of its image.
pub fn look(folder: &Path) -> Option<Draft> {
    let folder = Folder { path: folder };
    let looks = [rust::look, node::look, python::look, go::look, container::look, web::look];
    looks.iter().find_map(|look| look(&folder))
}

/// A commented manifest with this draft's command.
pub fn render(draft: &Draft) -> String {
    render::manifest(draft)
}

/// Lower-case letters, digits and hyphens; first a letter; at most 40.
fn fitting(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let fits = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = name.chars().map(fits).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    if name.is_empty() { "service".to_owned() } else { name.chars().take(40).collect() }
}

/// These words as a command.
fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_to_fit() {
        for (from, to) in [
            ("My App", "my-app"),
            ("@scope/web_app", "web-app"),
            ("42", "service"),
            ("example.com/shop", "shop"),
        ] {
            assert_eq!(fitting(from), to);
        }
        assert_eq!(fitting(&"a".repeat(60)).len(), 40);
    }
}
