//! `gearshift-entry [--] CMD…`

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    match words.get(1).and_then(|word| word.to_str()) {
        Some("--help" | "-h") => {
            print!("{USAGE}\n{}", gearshift_entry::VARIABLES);
            ExitCode::SUCCESS
        }
        Some("--version" | "-V") => {
            println!("gearshift-entry {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => match gearshift_entry::run(&words) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("gearshift-entry: {error}");
                ExitCode::from(error.exit_code())
            }
        },
    }
}

const USAGE: &str = "Runs an HTTP service unchanged, wherever this is.

Usage: gearshift-entry [--] COMMAND [ARGUMENT]…

On AWS Lambda it starts COMMAND, waits until it listens, and turns events into HTTP requests to it.
Without a COMMAND the function's handler names the program. Anywhere else it becomes COMMAND, with
PORT and HOST set; as process 1 it stays and does what an init process does. $PORT, ${PORT}, $HOST and
${HOST} inside an argument are replaced, nothing else is.
";
