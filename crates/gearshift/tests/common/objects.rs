//! The object store, asked with curl, which signs as AWS wants it.
#![allow(dead_code)]

use std::process::Command;

use gearshift_deploy::Credentials;

/// The number in the object `hits` of the bucket `hits`; 0 where there is none.
pub fn count_in(endpoint: &str, credentials: &Credentials) -> u64 {
    let (status, body) = curl(endpoint, credentials, "/hits/hits", &[]);
    match status {
        200 => body.parse().expect("a count"),
        404 => 0,
        _ => panic!("{status}: {body}"),
    }
}

/// Status and body of a signed request.
pub fn curl(
    endpoint: &str,
    credentials: &Credentials,
    path: &str,
    options: &[&str],
) -> (u16, String) {
    let user = format!("{}:{}", credentials.access_key_id, credentials.secret_access_key);
    let output = Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--aws-sigv4", "aws:amz:eu-west-2:s3"])
        .args([
            "--user",
            &user,
            "-H",
            "x-amz-content-sha256: UNSIGNED-PAYLOAD",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(options)
        .arg(format!("{endpoint}{path}"))
        .output()
        .expect("curl is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{output:?}"));
    (status.parse().expect("a status"), body.to_owned())
}
