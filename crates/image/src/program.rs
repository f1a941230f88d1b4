//! Whether an image can start what it is to start.

use crate::config::{ADAPTED, DEFAULT_PATH};
use crate::elf;
use crate::error::ImageError;
use crate::spec::{Config, Run};
use crate::tree::{FileTree, Kind, Node};

/// A script may name a script, which Linux follows so often.
const MOST_INTERPRETERS: usize = 5;

/// The programs of an image.
pub(crate) struct Programs<'a> {
    tree: &'a FileTree,
    /// What the image is built on, in words.
    base: String,
    on_base: bool,
}

impl<'a> Programs<'a> {
    pub fn new(tree: &'a FileTree, on_base: bool, base_name: Option<&str>) -> Self {
        let base = match (on_base, base_name) {
            (false, _) => "from scratch".to_owned(),
            (true, Some(name)) => format!("on {name}"),
            (true, None) => "on its base".to_owned(),
        };
        Self { tree, base, on_base }
    }

    /// Refuses an image whose command, or adapter, cannot start. Says what the command runs on,
    /// where that can be seen.
    pub fn check(
        &self,
        config: &Config,
        adapter: Option<&str>,
    ) -> Result<Option<String>, ImageError> {
        if let Some(adapter) = adapter {
            self.starts(adapter, adapter, 0)?;
        }
        let run = &config.config;
        let all = run.entrypoint.iter().chain(&run.cmd).flatten();
        let all: Vec<&str> = all.map(String::as_str).collect();
        let Some(command) = all.strip_prefix(&ADAPTED).unwrap_or(&all).first() else {
            return Err(ImageError::recipe(
                format!("this image would start nothing: {} gives no command", self.base),
                "give a program, or a command after `--`",
            ));
        };
        let path = self.find(command, run)?;
        self.starts(command, &path, 0)
    }

    /// Where the command is, as a shell would look for it.
    fn find(&self, command: &str, run: &Run) -> Result<String, ImageError> {
        let candidates: Vec<String> = if command.starts_with('/') {
            vec![command.to_owned()]
        } else if command.contains('/') {
            vec![format!("{}/{command}", run.working_dir)]
        } else {
            let variables = run.env.iter().flatten();
            let path = variables.filter_map(|variable| variable.strip_prefix("PATH=")).next_back();
            let directories = path.unwrap_or(DEFAULT_PATH).split(':');
            directories.map(|directory| format!("{directory}/{command}")).collect()
        };
        let is_program = |path: &&String| {
            self.tree.resolve(path).is_some_and(|node| matches!(node.kind, Kind::File { .. }))
        };
        candidates.iter().find(is_program).cloned().ok_or_else(|| {
            let next = if self.on_base {
                "add it (--add SRC:DEST), or give a base that has it"
            } else {
                "add it (--add SRC:DEST), or give a base that has it: --base REF"
            };
            let what = format!("this image cannot start `{command}`: {}", not_found(&candidates));
            ImageError::recipe(what, next)
        })
    }

    fn starts(
        &self,
        program: &str,
        path: &str,
        depth: usize,
    ) -> Result<Option<String>, ImageError> {
        let Some(Node { kind: Kind::File { started_by, architecture, .. }, mode, .. }) =
            self.tree.resolve(path)
        else {
            return Ok(None);
        };
        if mode & 0o111 == 0 {
            return Err(ImageError::recipe(
                format!("this image cannot start `{program}`: {path} is not executable"),
                "chmod +x it before it is added, or say so: --add SRC:DEST:755",
            ));
        }
        let Some(interpreter) = started_by.as_deref().filter(|_| depth < MOST_INTERPRETERS) else {
            return Ok(architecture.clone());
        };
        if self.tree.resolve(interpreter).is_none() {
            let machine = architecture.clone().unwrap_or_else(|| elf::architecture_here().into());
            return Err(ImageError::NoInterpreter {
                program: path.to_owned(),
                interpreter: interpreter.to_owned(),
                base: self.base.clone(),
                triple: elf::static_triple(&machine),
            });
        }
        let of_interpreter = self.starts(program, interpreter, depth + 1)?;
        Ok(architecture.clone().or(of_interpreter))
    }
}

fn not_found(candidates: &[String]) -> String {
    match candidates {
        [one] => format!("there is no file {one} in it"),
        several => {
            let directories: Vec<&str> =
                several.iter().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
            format!("none of {} has it", directories.join(", "))
        }
    }
}
