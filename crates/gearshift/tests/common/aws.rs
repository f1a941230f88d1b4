//! AWS clients as their users start them: pointed at a row by the variables every SDK reads.

use std::path::Path;
use std::process::Command;

use super::common::Up;

/// The region `gearshift up` names by default.
pub const REGION: &str = "eu-west-2";

/// The command with this row as the only AWS it can find: nothing of this machine's own settings,
/// profiles or credentials.
pub fn pointed_at(up: &Up, home: &Path, mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["AWS_", "BOTO", "PYTHON"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(home)
        .env("HOME", home)
        .env("AWS_CONFIG_FILE", home.join("no-config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("no-credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", &up.credentials().access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &up.credentials().secret_access_key)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL_DYNAMODB", &up.endpoints["table"])
        .env("AWS_ENDPOINT_URL_S3", &up.endpoints["objects"])
        .env("AWS_ENDPOINT_URL_LAMBDA", &up.endpoints["invoke"])
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONWARNINGS", "error");
    command
}

/// What it printed; it must succeed without a word on standard error.
pub fn printed(mut command: Command) -> String {
    let output = command.output().expect("the client starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {out}\n{said}");
    out.into_owned()
}
