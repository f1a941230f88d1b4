//! The file store and its mounts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use gearshift_gear::{Dimension, FaultPlan};
use nix::mount::MntFlags;
use nix::unistd::{getegid, geteuid};
use tokio::runtime::Runtime;

use super::FileConfig;
use super::client::Client;
use super::front::FileServer;
use super::mounts::{files_available, unmount};
use super::shared::Shared;
use super::tree::Tree;
use crate::{FaultCounts, Metered, StoreError};

/// An empty EFS in memory with delays, metering and faults in front. Its files stay until it and
/// its last mount are dropped.
pub struct FileStore {
    shared: Arc<Shared>,
    waits: Arc<Waits>,
}

/// The store as one client sees it. Dropping it unmounts, also where files are open: who uses them
/// gets `ENOTCONN`, and all locks of the client are free.
pub struct Mount {
    at: PathBuf,
    client: u64,
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    _waits: Arc<Waits>,
}

impl FileStore {
    /// Starts a store; needs no tokio runtime. Fails where nothing can be mounted, and says what is
    /// missing.
    pub fn start(config: FileConfig) -> Result<Self, StoreError> {
        files_available()?;
        let waits = Waits::start()?;
        let front = FileServer::new(config, waits.runtime().handle().clone())?;
        let tree = Tree::new((geteuid().as_raw(), getegid().as_raw()));
        Ok(Self { shared: Arc::new(Shared::new(front, tree)), waits: Arc::new(waits) })
    }

    /// Mounts the store at an existing directory for the processes of one client. They must not be
    /// this process: who serves a mount may not wait for it.
    pub fn mount(&self, at: &Path, client: &str) -> Result<Mount, StoreError> {
        let refused = |source| StoreError::Mount { at: at.to_owned(), source };
        let place = std::fs::canonicalize(at).map_err(refused)?;
        let id = self.shared.join();
        let served = Client::new(Arc::clone(&self.shared), id, client);
        let session = Session::new(served, &place, &options()).and_then(Session::spawn);
        let session = session.inspect_err(|_| self.shared.leave(id)).map_err(refused)?;
        Ok(Mount {
            at: place,
            client: id,
            shared: Arc::clone(&self.shared),
            session: Some(session),
            _waits: Arc::clone(&self.waits),
        })
    }

    /// GB-months stored since the start, as AWS meters them: each file, directory and link with its
    /// 2 KiB inode and its data in increments of 4 KiB, over time.
    pub fn usage(&self) -> Metered {
        vec![(Dimension::FileGbMonth, self.shared.state().tree.gb_months())]
    }

    /// From the next request on, requests fail like this; `FaultPlan::default()` ends it. What each
    /// kind means for a file is said there.
    pub fn set_faults(&self, plan: FaultPlan) -> Result<(), StoreError> {
        self.shared.front.faults.set(plan)
    }

    /// Faults put in since the start.
    pub fn fault_counts(&self) -> FaultCounts {
        self.shared.front.faults.counts()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        if !session.guard.is_finished() {
            // Forced, so that whoever waits for an answer is woken; detached, so that open files
            // do not keep it. What fails here `fuser` tries again in its own way.
            let flags = MntFlags::MNT_FORCE | MntFlags::MNT_DETACH;
            let _ = unmount(&self.at, flags);
        }
        drop(session);
        self.shared.leave(self.client);
    }
}

/// Other users' processes may use a mount of root only: for others the system must allow it.
fn options() -> Config {
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::FSName("gearshift".into()), MountOption::DefaultPermissions];
    config.acl = if geteuid().is_root() { SessionACL::All } else { SessionACL::Owner };
    config
}

/// The thread on which replies wait, apart from any runtime of the caller: a task of his that uses
/// a mount and blocks must not keep its own reply from leaving.
struct Waits(Option<Runtime>);

impl Waits {
    fn start() -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("file-store")
            .enable_all()
            .build()
            .map_err(StoreError::Files)?;
        Ok(Self(Some(runtime)))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken by drop only")
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        // Within a task, waiting for the thread to end is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
