//! The text of a drafted manifest.

use super::Draft;

/// With comments that say what each key is for; keys that are not needed are commented out.
pub(super) fn manifest(draft: &Draft) -> String {
    let Draft { seen, name, command, before, doubts } = draft;
    let mut notes = String::new();
    if let Some(before) = before {
        notes += &format!("# Once before: {before}\n");
    }
    for doubt in doubts {
        notes += &format!("# Please check: {doubt}\n");
    }
    let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    let command = command.join(", ");
    format!(
        r##"# What Gearshift knows of this service, drafted from {seen}.
# Every key: docs/manifest.md. Run it: gearshift compare

name = "{name}"

[service]
{notes}# $PORT and $HOST stand for the address it must listen on.
command = [{command}]
# A path that answers with 2xx or 3xx when the service is well.
health = "/"
# environment = {{ LOG_LEVEL = "warning" }}
# Variables taken as they are where Gearshift runs, such as secrets.
# pass = ["DATABASE_URL"]

# What is asked while it is measured; add as many as your callers make.
[[requests]]
path = "/"
# method = "POST"
# weight = 3
# headers = {{ accept = "application/json" }}
# body = '{{"size": 1}}'
# status = 201

# Where the service counts something, Gearshift sees which rows lose state.
# [counter]
# add = "/hits"
# read = "/hits/count"

# A row that misses it is named, and compare exits with 3.
# [slo]
# p99_ms = 200

[compare]
rows = ["ec2", "fargate", "lambda"]
# region = "eu-west-2"
"##
    )
}

/// As TOML writes a string.
fn quoted(word: &str) -> String {
    toml::Value::String(word.to_owned()).to_string()
}
