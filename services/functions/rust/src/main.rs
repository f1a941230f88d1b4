//! The function `hits`, deployed as `bootstrap`.

use std::process::ExitCode;

fn main() -> ExitCode {
    function_rust::run(async |choice| hits::store::open(&choice).await)
}
