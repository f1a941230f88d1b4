//! What is wrong with a manifest, where, and what to do about it.

use std::path::{Path, PathBuf};

use gearshift_files::ReadError;

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("{}", unreadable(.0))]
    Unreadable(#[from] ReadError),
    /// Line and column count from 1; `key` is the key whose value is wrong, where there is one.
    #[error("{}:{line}:{column}: {}{why} → docs/manifest.md lists every key", path.display(), of(key))]
    Wrong { path: PathBuf, line: usize, column: usize, key: Option<String>, why: String },
    #[error("{}: {what}", path.display())]
    Whole { path: PathBuf, what: String },
}

fn unreadable(error: &ReadError) -> String {
    match error {
        ReadError::Unreadable { path, source } => {
            format!("{} cannot be read: {source} → gearshift init writes one", path.display())
        }
        other => other.to_string(),
    }
}

fn of(key: &Option<String>) -> String {
    key.as_ref().map(|key| format!("`{key}`: ")).unwrap_or_default()
}

impl ManifestError {
    pub(crate) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = &text[..at];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::Wrong {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: text[start..at].chars().count() + 1,
            key: key_before(&text[start..at]),
            why: error.message().trim().replace('\n', ", "),
        }
    }
}

/// The key whose value begins behind this text of a line.
fn key_before(text: &str) -> Option<String> {
    let text = text.trim_end().strip_suffix('=')?.trim_end();
    let key = text.rsplit(|c: char| c.is_whitespace() || "{,".contains(c)).next()?;
    (!key.is_empty()).then(|| key.to_owned())
}
