//! The service's command.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Command;

use crate::EntryError;

/// The command in this program's own words: all but its name and a leading `--`.
pub(crate) fn words_of(words: &[OsString]) -> &[OsString] {
    let words = words.get(1..).unwrap_or_default();
    match words.first() {
        Some(first) if first == "--" => &words[1..],
        _ => words,
    }
}

/// The command on Lambda: what stands in the words, or else the program that the function's handler
/// names. Started as `AWS_LAMBDA_EXEC_WRAPPER` of a managed runtime, the words are that runtime's own
/// command, which is not wanted.
pub(crate) fn words_on_lambda(
    words: &[OsString],
    variable: impl Fn(&str) -> Option<String>,
) -> Vec<OsString> {
    let own = words.first().and_then(|word| word.to_str());
    let is_wrapper = own.is_some() && variable("AWS_LAMBDA_EXEC_WRAPPER").as_deref() == own;
    let given = if is_wrapper { &[] } else { words_of(words) };
    if !given.is_empty() {
        return given.to_vec();
    }
    let Some(handler) = variable("_HANDLER").filter(|handler| !handler.is_empty()) else {
        return Vec::new();
    };
    let beside = variable("LAMBDA_TASK_ROOT").map(|root| Path::new(&root).join(&handler));
    vec![beside.filter(|path| path.is_file()).map_or_else(|| handler.into(), OsString::from)]
}

/// The command with its placeholders filled and `PORT` and `HOST` set.
pub(crate) fn of(words: &[OsString], port: u16, host: &str) -> Result<Command, EntryError> {
    let port = port.to_string();
    let mut words = words.iter().map(|word| filled(word, &[("PORT", &port), ("HOST", host)]));
    let mut command = Command::new(words.next().ok_or(EntryError::NoCommand)?);
    command.args(words).env("PORT", &port).env("HOST", host).env_remove("AWS_LAMBDA_EXEC_WRAPPER");
    Ok(command)
}

/// `$NAME` and `${NAME}` replaced, for these names only and as a shell reads them: `$PORTAL` is
/// another name.
fn filled(word: &OsStr, values: &[(&str, &str)]) -> OsString {
    let mut rest = word.as_bytes();
    let mut filled = Vec::with_capacity(rest.len());
    while let Some(byte) = rest.first() {
        match values.iter().find_map(|(name, value)| Some((after(rest, name)?, value))) {
            Some((after, value)) => {
                filled.extend_from_slice(value.as_bytes());
                rest = after;
            }
            None => {
                filled.push(*byte);
                rest = &rest[1..];
            }
        }
    }
    OsString::from_vec(filled)
}

/// What follows `$NAME` or `${NAME}` where the text begins with it.
fn after<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let text = text.strip_prefix(b"$")?;
    if let Some(braced) = text.strip_prefix(b"{") {
        return braced.strip_prefix(name.as_bytes())?.strip_prefix(b"}");
    }
    let rest = text.strip_prefix(name.as_bytes())?;
    let continues = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (!rest.first().is_some_and(continues)).then_some(rest)
}

/// A command as somebody would type it, for messages.
pub(crate) fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
