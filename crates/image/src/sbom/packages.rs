//! Packages of Debian and Alpine, from the databases in the image.

use super::{Component, in_purl};
use crate::tree::FileTree;

const DPKG: &str = "var/lib/dpkg/status";
/// Where images without a package manager keep one file per package.
const DPKG_PARTS: &str = "var/lib/dpkg/status.d/";
const APK: &str = "lib/apk/db/installed";
const APK_MERGED_USR: &str = "usr/lib/apk/db/installed";
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// Whether the content of this file is needed beyond its digest.
pub(crate) fn is_database(path: &str) -> bool {
    let part = path.strip_prefix(DPKG_PARTS).is_some_and(|name| !name.contains('.'));
    part || [DPKG, APK, APK_MERGED_USR].contains(&path) || OS_RELEASE.contains(&path)
}

pub(super) fn of(tree: &FileTree) -> Vec<Component> {
    let distribution = OS_RELEASE.iter().find_map(|path| id(tree.kept(path)?));
    let mut found = Vec::new();
    for (path, text) in tree.all_kept() {
        if path == DPKG || path.starts_with(DPKG_PARTS) {
            let vendor = distribution.as_deref().unwrap_or("debian");
            let fields = ["Package", "Version", "Architecture"];
            found.extend(
                paragraphs(&text, ": ", fields).map(|package| purl("deb", vendor, package)),
            );
        } else if path == APK || path == APK_MERGED_USR {
            let vendor = distribution.as_deref().unwrap_or("alpine");
            let fields = ["P", "V", "A"];
            found
                .extend(paragraphs(&text, ":", fields).map(|package| purl("apk", vendor, package)));
        }
    }
    found
}

/// The distribution's own name for itself (os-release(5)).
fn id(os_release: String) -> Option<String> {
    let id = os_release.lines().find_map(|line| line.strip_prefix("ID="))?;
    Some(id.trim_matches(['"', '\'']).to_owned())
}

fn purl(kind: &str, vendor: &str, [name, version, architecture]: [&str; 3]) -> Component {
    let version_in = in_purl(version);
    let purl = format!("pkg:{kind}/{vendor}/{}@{version_in}?arch={architecture}", in_purl(name));
    Component::library(name, version, purl)
}

/// The wanted fields of each paragraph that has them all. What was removed and left only its
/// settings is no package any more.
fn paragraphs<'a>(
    text: &'a str,
    separator: &'a str,
    fields: [&'a str; 3],
) -> impl Iterator<Item = [&'a str; 3]> {
    text.split("\n\n").filter_map(move |paragraph| {
        let field = |wanted: &str| {
            let mut lines = paragraph.lines();
            lines.find_map(|line| line.strip_prefix(wanted)?.strip_prefix(separator))
        };
        let gone = field("Status").is_some_and(|status| !status.ends_with(" installed"));
        let [name, version, architecture] = fields;
        (!gone).then_some([field(name)?, field(version)?, field(architecture)?])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_packages_are_no_packages() {
        let status = "Package: here\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n";
        let found: Vec<_> =
            paragraphs(status, ": ", ["Package", "Version", "Architecture"]).collect();
        assert_eq!(found, [["here", "1:2", "amd64"]]);
    }
}
