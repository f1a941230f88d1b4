//! `gearshift-entry [--] CMD…` and `gearshift-entry health PATH`

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let known: Vec<_> = words.iter().skip(1).map_while(|word| word.to_str()).take(3).collect();
    match known.as_slice() {
        ["--help" | "-h", ..] => {
            print!("{USAGE}\n{}", gearshift_entry::VARIABLES);
            ExitCode::SUCCESS
        }
        ["--version" | "-V", ..] => {
            println!("gearshift-entry {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["health", path] => done(gearshift_entry::check_health(path).map(|()| 0)),
        _ => done(gearshift_entry::run(&words)),
    }
}

fn done(ended: Result<u8, gearshift_entry::EntryError>) -> ExitCode {
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("gearshift-entry: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

const USAGE: &str = "Runs an HTTP service unchanged, wherever this is.

Usage: gearshift-entry [--] COMMAND [ARGUMENT]…
       gearshift-entry health PATH

On AWS Lambda it starts COMMAND, waits until it listens, and turns events into HTTP requests to it.
Without a COMMAND the function's handler names the program. Anywhere else it becomes COMMAND, with
PORT and HOST set; as process 1 it stays and does what an init process does. $PORT, ${PORT}, $HOST and
${HOST} inside an argument are replaced, nothing else is.

`health` asks for PATH on 127.0.0.1 at PORT and ends well when 2xx or 3xx comes back: for health checks
of containers that have no other program for it. A command of that name is started with `--` before it.
";
