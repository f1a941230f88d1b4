//! One row kept standing through the twin as a library, so that a test chooses its build and
//! settings and arranges faults from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gearshift_deploy::{Condition, Fence, Patience, Settings, Target, Want, reach};
use gearshift_gear::{CATALOGUE, FaultPlan, RunId};
use gearshift_sandbox::{Host, remains};
use gearshift_twin::{Build, Twin, TwinConfig};
use rand::Rng;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ROW: &str = "lambda-rust-dynamodb";

/// Ends with its run; a test that got so far fails if anything of it is left.
pub struct Standing {
    pub url: String,
    pub table: String,
    run: RunId,
    twin: Twin,
    host: Host,
    runtime: Runtime,
    _base: TempDir,
}

impl Standing {
    /// `lambda-rust-dynamodb` with this program as its function; no laws, no CPU shares.
    pub fn up(function: PathBuf) -> Self {
        let base = TempDir::new().expect("a temporary folder");
        let host = Host::detect();
        let gearshift = PathBuf::from(env!("CARGO_BIN_EXE_gearshift"));
        let zip_bytes = function.metadata().expect("the function's program").len();
        let builds =
            BTreeMap::from([("function-rust".to_owned(), Build { program: function, zip_bytes })]);
        let twin = Twin::new(TwinConfig {
            host: host.clone(),
            base: base.path().to_owned(),
            plane_command: vec![gearshift, "internal".into(), "plane".into()],
            builds,
        });
        let run: RunId = format!("{:08x}", rand::thread_rng().r#gen::<u32>()).parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let row = CATALOGUE.row(ROW).unwrap().clone();
        let settings = Settings { physics: false, shaped: false, ..Settings::default() };
        let want = Want::one(row, settings);
        let reached = runtime.block_on(reach(&twin, &run, &want, Fence(1), Patience::default()));
        let row = reached.expect("the row stands").rows.remove(ROW).expect("as wanted");
        let url = row.url.expect("a standing row has an address");
        let table = row.endpoints["table"].clone();
        Self { url, table, run, twin, host, runtime, _base: base }
    }

    /// Store requests fail like this from now on.
    pub fn arrange(&self, plan: FaultPlan) {
        let arranged = self.twin.arrange(&self.run, ROW, Condition::Faulty(plan));
        self.runtime.block_on(arranged).expect("faults can be arranged");
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let nothing = Want::nothing();
        let ended = reach(&self.twin, &self.run, &nothing, Fence(2), Patience::default());
        let ended = self.runtime.block_on(ended);
        if !std::thread::panicking() {
            ended.expect("the row ends");
            let left = remains(&self.host, &self.run);
            assert!(left.is_empty(), "left over: {left:?}");
        }
    }
}

/// The function as Gearshift ships it, written out once below the target directory.
pub fn shipped_function() -> PathBuf {
    let shipped = gearshift_services::service("function-rust").expect("it is built in");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("services");
    shipped.place_in(&directory).expect("room below the target directory")
}
