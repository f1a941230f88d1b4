//! A Go service.

use super::{Draft, Folder, fitting};

pub(super) fn look(folder: &Folder<'_>) -> Option<Draft> {
    let text = folder.text("go.mod")?;
    let module = text.lines().find_map(|line| line.trim().strip_prefix("module "))?.trim();
    let name = fitting(module);
    Some(Draft {
        seen: "go.mod".to_owned(),
        command: vec![format!("./{name}")],
        before: Some(format!("CGO_ENABLED=0 go build -o {name} .")),
        doubts: vec!["does it listen on the port in $PORT?".to_owned()],
        name,
    })
}
