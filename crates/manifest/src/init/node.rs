//! A Node.js service.

use serde_json::Value;

use super::{Draft, Folder, fitting, words};

/// Servers of files that are told their port by flags.
const FLAGS: [(&str, &[&str]); 3] = [
    ("http-server", &["-a", "$HOST", "-p", "$PORT"]),
    ("serve", &["-l", "tcp://$HOST:$PORT"]),
    ("next", &["start", "-H", "$HOST", "-p", "$PORT"]),
];

pub(super) fn look(folder: &Folder<'_>) -> Option<Draft> {
    let package: Value = serde_json::from_str(&folder.text("package.json")?).ok()?;
    let start = package.pointer("/scripts/start").and_then(Value::as_str);
    let main = package.get("main").and_then(Value::as_str);
    let depends = |on: &str| {
        ["dependencies", "devDependencies"]
            .iter()
            .any(|kind| package.get(kind).is_some_and(|all| all.get(on).is_some()))
    };
    let listens = "does it listen on the port in $PORT?".to_owned();
    let known = FLAGS.iter().find(|(name, _)| depends(name));
    let (command, doubts) = match (known, start, main) {
        (Some((name, flags)), _, _) => {
            // The program itself: npx and npm stay beside it as processes of their own.
            let mut command = vec![format!("node_modules/.bin/{name}")];
            command.extend(words(flags));
            (command, Vec::new())
        }
        (None, Some(start), _) => match plain(start) {
            Some(command) => (command, vec![listens]),
            None => (words(&["npm", "--silent", "start"]), vec![listens]),
        },
        (None, None, Some(main)) => (words(&["node", main]), vec![listens]),
        (None, None, None) => {
            let file = ["server.js", "index.js", "app.js"].iter().find(|name| folder.has(name))?;
            (words(&["node", file]), vec![listens])
        }
    };
    let name = package.get("name").and_then(Value::as_str);
    Some(Draft {
        seen: "package.json".to_owned(),
        name: name.map_or_else(|| folder.name(), fitting),
        command,
        before: (!folder.has("node_modules")).then(|| "npm install".to_owned()),
        doubts,
    })
}

/// `node server.js` without npm around it, which would hold signals back from it.
fn plain(start: &str) -> Option<Vec<String>> {
    let split = shlex::split(start)?;
    let simple = !start.contains(['$', '&', '|', ';', '<', '>', '=']);
    (simple && split.first().is_some_and(|word| word == "node")).then_some(split)
}
