//! How the twin talks to a data plane: one JSON line each way on a Unix socket.

use std::time::Duration;

use gearshift_deploy::{Condition, Credentials, Event, Fence, Scale, SideStanding, State};
use gearshift_files::PrivateDir;
use gearshift_gear::{Side, UsageLine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// The socket's name in its row's directory.
pub(crate) const SOCKET: &str = "control.sock";

/// What a data plane is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    State,
    Usage,
    Events {
        since: usize,
    },
    Arrange(Condition),
    /// Have this scale from now on; refused when a newer fence has already changed it.
    Scale {
        scale: Scale,
        fence: Fence,
    },
    Stop,
}

/// What it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    State {
        state: State,
        since: Timestamp,
        url: String,
        endpoints: BTreeMap<String, String>,
        credentials: Option<Credentials>,
        sides: BTreeMap<Side, SideStanding>,
    },
    Usage(Vec<UsageLine>),
    Events(Vec<Event>),
    Done,
    Refused {
        why: String,
    },
    Fenced {
        newest: Fence,
    },
}

/// Asks the data plane of the row with this directory once.
///
/// # Errors
/// Where nothing listens, the answer is cut off, or none comes within `patience`.
pub(crate) async fn ask(row: &PrivateDir, ask: &Ask, patience: Duration) -> std::io::Result<Told> {
    let exchange = async {
        let mut stream = UnixStream::connect(row.short(SOCKET)).await?;
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await?;
        Ok(serde_json::from_str(&answer)?)
    };
    match tokio::time::timeout(patience, exchange).await {
        Ok(told) => told,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}
