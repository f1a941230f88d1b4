//! A folder that only a Dockerfile explains.

use super::{Draft, Folder};

pub(super) fn look(folder: &Folder<'_>) -> Option<Draft> {
    let text = folder.text("Dockerfile")?;
    let entrypoint = last(&text, "ENTRYPOINT");
    let arguments = last(&text, "CMD");
    let command: Vec<String> = match (entrypoint, arguments) {
        (Some(program), Some(rest)) if rest.listed => [program.words, rest.words].concat(),
        (Some(program), _) => program.words,
        (None, Some(command)) => command.words,
        (None, None) => return None,
    };
    Some(Draft {
        seen: "Dockerfile".to_owned(),
        name: folder.name(),
        command,
        before: None,
        doubts: vec![
            "the Dockerfile's command: its program must be in this folder or on the PATH"
                .to_owned(),
            "does it listen on the port in $PORT?".to_owned(),
        ],
    })
}

struct Instruction {
    words: Vec<String>,
    /// Written as a list, so that it runs without a shell.
    listed: bool,
}

/// The last instruction of this name, which is the one that counts.
fn last(text: &str, name: &str) -> Option<Instruction> {
    let joined = text.replace("\\\n", " ");
    let line = joined.lines().rev().find_map(|line| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        word.eq_ignore_ascii_case(name).then(|| rest.trim().to_owned())
    })?;
    match serde_json::from_str::<Vec<String>>(&line) {
        Ok(words) => Some(Instruction { words, listed: true }),
        Err(_) => Some(Instruction { words: shlex::split(&line)?, listed: false }),
    }
}
