//! What the environment asks for.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::Place;

const DEFAULT_PORT: u16 = 8000;

/// DynamoDB's limits on a table's name, in characters.
const TABLE_NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=255;

/// All that can be set, read once at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `$BIND` (or the place's default) and `$PORT` (8000; 0 takes any free one).
    pub address: SocketAddr,
    pub place: Place,
    /// What tells this process from its copies.
    pub instance: String,
    pub store: StoreChoice,
}

/// Where the count lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In this process; lost with it.
    Memory,
    /// In a file that may be shared: `$HITS_FILE`.
    File { path: PathBuf },
    /// In a DynamoDB table: `$HITS_TABLE`, in `$AWS_REGION` or `$AWS_DEFAULT_REGION`.
    #[cfg(feature = "table")]
    Table { name: String, region: String },
}

/// An environment variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} cannot be used: {why} → {next}")]
pub struct BadSetting {
    pub name: &'static str,
    pub value: String,
    pub why: &'static str,
    pub next: &'static str,
}

impl Settings {
    /// Reads this process's environment.
    ///
    /// # Errors
    /// [`BadSetting`] for the first variable whose value cannot be used.
    pub fn from_environment() -> Result<Self, BadSetting> {
        // Bytes that are not UTF-8 become replacement characters, which no setting accepts.
        Self::read(&|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }

    /// Reads an environment through `env`.
    ///
    /// # Errors
    /// As [`Settings::from_environment`].
    pub fn read(env: &impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        let place = Place::find(env);
        Ok(Self {
            address: SocketAddr::new(bind(env, place)?, port(env)?),
            place,
            instance: place.instance(env),
            store: store(env)?,
        })
    }
}

fn port(env: &impl Fn(&str) -> Option<String>) -> Result<u16, BadSetting> {
    let Some(value) = env("PORT") else { return Ok(DEFAULT_PORT) };
    value.parse().map_err(|_| BadSetting {
        name: "PORT",
        value,
        why: "not a port number",
        next: "set a number from 1 to 65535, 0 for any free port, or nothing for 8000",
    })
}

fn bind(env: &impl Fn(&str) -> Option<String>, place: Place) -> Result<IpAddr, BadSetting> {
    let Some(value) = env("BIND") else { return Ok(place.default_bind()) };
    value.parse().map_err(|_| BadSetting {
        name: "BIND",
        value,
        why: "not an IP address",
        next: "set one such as 127.0.0.1, 0.0.0.0 or ::, without a port",
    })
}

fn store(env: &impl Fn(&str) -> Option<String>) -> Result<StoreChoice, BadSetting> {
    let Some(name) = env("HITS_TABLE") else { return file(env) };
    if !is_table_name(&name) {
        return Err(BadSetting {
            name: "HITS_TABLE",
            value: name,
            why: "not a table name: 3 to 255 of a-z A-Z 0-9 _ . -",
            next: "set the name of a DynamoDB table, or unset it to count in memory",
        });
    }
    table(env, name)
}

fn file(env: &impl Fn(&str) -> Option<String>) -> Result<StoreChoice, BadSetting> {
    match env("HITS_FILE") {
        None => Ok(StoreChoice::Memory),
        Some(path) if path.starts_with('/') => Ok(StoreChoice::File { path: path.into() }),
        Some(value) => Err(BadSetting {
            name: "HITS_FILE",
            value,
            why: "not an absolute path",
            next: "set one such as /mnt/efs/hits, or unset it to count in memory",
        }),
    }
}

#[cfg(feature = "table")]
fn table(env: &impl Fn(&str) -> Option<String>, name: String) -> Result<StoreChoice, BadSetting> {
    let set = |name| env(name).filter(|value| !value.is_empty());
    match set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")) {
        Some(region) => Ok(StoreChoice::Table { name, region }),
        None => Err(BadSetting {
            name: "AWS_REGION",
            value: String::new(),
            why: "HITS_TABLE names a table and a table is in a region",
            next: "set the table's region, such as eu-west-2",
        }),
    }
}

#[cfg(not(feature = "table"))]
fn table(_: &impl Fn(&str) -> Option<String>, name: String) -> Result<StoreChoice, BadSetting> {
    Err(BadSetting {
        name: "HITS_TABLE",
        value: name,
        why: "this build has no table store",
        next: "build with the feature `table`, or unset it to count in memory",
    })
}

fn is_table_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    TABLE_NAME_LENGTH.contains(&name.len()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, BadSetting> {
        Settings::read(&|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_set_means_memory_on_this_machine_at_port_8000() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.address.to_string(), "127.0.0.1:8000");
        assert_eq!(settings.store, StoreChoice::Memory);
    }

    #[test]
    fn bind_wins_over_what_the_place_suggests() {
        let settings =
            read(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("BIND", "::1"), ("PORT", "80")]);
        assert_eq!(settings.unwrap().address.to_string(), "[::1]:80");
    }

    #[cfg(feature = "table")]
    #[test]
    fn a_table_needs_a_region() {
        let refused = read(&[("HITS_TABLE", "latency")]).unwrap_err();
        assert_eq!(refused.name, "AWS_REGION");
        let settings = read(&[("HITS_TABLE", "latency"), ("AWS_DEFAULT_REGION", "eu-west-2")]);
        let table = StoreChoice::Table { name: "latency".into(), region: "eu-west-2".into() };
        assert_eq!(settings.unwrap().store, table);
    }

    #[test]
    fn a_bad_value_is_refused_with_name_value_reason_and_next_step() {
        for (name, value) in [
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("PORT", ""),
            ("BIND", "localhost"),
            ("HITS_TABLE", "no"),
            ("HITS_TABLE", "a b c"),
            ("HITS_FILE", "hits"),
        ] {
            let text = read(&[(name, value)]).unwrap_err().to_string();
            assert!(text.starts_with(&format!("{name}={value:?} cannot be used: ")), "{text}");
            assert!(text.contains(" → ") && !text.contains('\n'), "{text}");
        }
    }
}
