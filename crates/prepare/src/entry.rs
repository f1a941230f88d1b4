//! What all entries have in common: a directory `task` with the code, as it would be uploaded.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::PrepareError;
use crate::error::Doing;
use crate::sources::Source;

/// Where the function's own code lies.
pub(crate) fn task(entry: &Path) -> PathBuf {
    entry.join("task")
}

/// Writes these files below a directory.
pub(crate) fn write(directory: &Path, sources: &[Source]) -> Result<(), PrepareError> {
    for (name, content) in sources {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, content));
        written.doing(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>, PrepareError> {
    let mut files = Vec::new();
    for file in WalkDir::new(directory) {
        let file = file.map_err(std::io::Error::from);
        let file = file.doing(|| format!("reading {}", directory.display()))?;
        if file.file_type().is_file() {
            files.push(file.into_path());
        }
    }
    Ok(files)
}

/// The text of one of these sources.
pub(crate) fn text_of(sources: &[Source], name: &str) -> &'static str {
    let content = sources.iter().find(|(of, _)| *of == name).map(|(_, content)| *content);
    let text = content.and_then(|content| std::str::from_utf8(content).ok());
    text.expect("a text of the tree")
}
