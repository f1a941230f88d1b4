//! A Python service.

use std::fs;

use super::{Draft, Folder, words};

/// Frameworks by how an application of theirs is made, and the server that is documented for it.
const FRAMEWORKS: [(&str, Server); 6] = [
    ("Flask(", Server::Gunicorn),
    ("falcon.App(", Server::Gunicorn),
    ("Bottle(", Server::Gunicorn),
    ("FastAPI(", Server::Uvicorn),
    ("Starlette(", Server::Uvicorn),
    ("Quart(", Server::Uvicorn),
];

#[derive(Clone, Copy)]
enum Server {
    Gunicorn,
    Uvicorn,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Gunicorn => "gunicorn",
            Self::Uvicorn => "uvicorn",
        }
    }
}

pub(super) fn look(folder: &Folder<'_>) -> Option<Draft> {
    let known = ["pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py"];
    let names = folder.names();
    let application = application(folder, &names);
    let seen = known.iter().find(|name| folder.has(name)).map(|name| (*name).to_owned());
    let seen = seen.or_else(|| application.as_ref().map(|(file, ..)| file.clone()))?;
    let mut doubts = Vec::new();
    let command = match application {
        Some((_, server, object)) => start(folder, server, &object),
        None if folder.has("manage.py") => {
            let site = names.iter().find(|name| folder.has(&format!("{name}/wsgi.py")))?;
            start(folder, Server::Gunicorn, &format!("{site}.wsgi"))
        }
        None => {
            doubts.push("no application was found: write what starts yours".to_owned());
            start(folder, Server::Gunicorn, "app:app")
        }
    };
    let installed = command[0].contains('/');
    let packages = if folder.has("requirements.txt") { "-r requirements.txt" } else { "." };
    let before = format!("python3 -m venv .venv && .venv/bin/pip install {packages} {}", {
        command[0].rsplit('/').next().unwrap_or_default()
    });
    if !installed {
        doubts.push(format!("{} is looked for on the PATH", command[0]));
    }
    Some(Draft {
        seen,
        name: folder.name(),
        command,
        before: (!installed).then_some(before),
        doubts,
    })
}

/// The first file with an application, its server, and `module:variable`.
fn application(folder: &Folder<'_>, names: &[String]) -> Option<(String, Server, String)> {
    let files = names.iter().filter(|name| name.ends_with(".py"));
    let packages = names.iter().filter(|name| folder.has(&format!("{name}/__init__.py")));
    let within = packages.flat_map(|package| {
        let inside = fs::read_dir(folder.path.join(package)).into_iter().flatten().flatten();
        let files = inside.filter_map(|entry| entry.file_name().into_string().ok());
        files.filter(|name| name.ends_with(".py")).map(move |name| format!("{package}/{name}"))
    });
    files.cloned().chain(within).find_map(|file| {
        let text = folder.text(&file)?;
        let (server, variable) = text.lines().find_map(made_here)?;
        let module = file.trim_end_matches(".py").replace('/', ".");
        let module = module.trim_end_matches(".__init__").to_owned();
        Some((file, server, format!("{module}:{variable}")))
    })
}

/// `app = Flask(__name__)` at the beginning of a line.
fn made_here(line: &str) -> Option<(Server, String)> {
    let (variable, value) = line.split_once('=')?;
    let variable = variable.split(':').next()?.trim_end();
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let at_top = !variable.is_empty() && variable.chars().all(name);
    let value = value.trim_start();
    let made = |maker: &str| {
        value.strip_prefix(maker).is_some()
            || value.split_once('.').is_some_and(|(_, rest)| rest.starts_with(maker))
    };
    let (_, server) = FRAMEWORKS.iter().find(|(maker, _)| made(maker))?;
    at_top.then(|| (*server, variable.to_owned()))
}

fn start(folder: &Folder<'_>, server: Server, object: &str) -> Vec<String> {
    let name = server.name();
    let program = [".venv", "venv"]
        .iter()
        .map(|environment| format!("{environment}/bin/{name}"))
        .find(|path| folder.has(path))
        .unwrap_or_else(|| name.to_owned());
    match server {
        Server::Gunicorn => words(&[&program, "--bind", "$HOST:$PORT", object]),
        Server::Uvicorn => words(&[&program, "--host", "$HOST", "--port", "$PORT", object]),
    }
}
