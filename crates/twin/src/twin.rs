//! The target.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::{
    Condition, Event, Fence, Progress, Shaping, Standing, State, Target, TargetError, Want, Wanted,
    World,
};
use gearshift_files::{PlaceError, Places, PrivateDir};
use gearshift_gear::{Missing, Program, Row, RunId, Store, UsageLine};
use gearshift_sandbox::{Cores, Enforcement, Host, apart, processes_of, remains, sweep};
use gearshift_stores::files_available;
use tokio::io::AsyncWriteExt;

use crate::control::{Ask, Told, ask};
use crate::ledger::room_for;
use crate::place::{PLANE_LOG, PlaneConfig, RunPlace, lock_ledger, runs_on_disk};

/// Under this name the world shows what is left of a run without belonging to a row.
const LEFT_OVER: &str = "(left over)";
/// A data plane answers within this or counts as not answering.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds the program of a build by the build's name, or says what it misses.
pub type Programs = Arc<dyn Fn(&str) -> Result<Program, Missing> + Send + Sync>;

/// What a twin needs.
#[derive(Clone)]
pub struct TwinConfig {
    pub host: Host,
    /// Directory below which runs keep their sockets; this user's alone.
    pub base: PathBuf,
    /// Command that serves a data plane; its row's directory is added, by which other users see whose
    /// it is, and what it needs to know follows on standard input.
    pub plane_command: Vec<PathBuf>,
    pub programs: Programs,
}

/// AWS compute on this machine.
pub struct Twin {
    config: TwinConfig,
}

impl Twin {
    /// A handle; it knows nothing of any run.
    pub fn new(config: TwinConfig) -> Self {
        Self { config }
    }

    fn program(&self, row: &Row) -> Result<Program, Missing> {
        (self.config.programs)(&row.build.name)
    }

    fn place(&self, run: &RunId) -> RunPlace {
        RunPlace::new(&self.config.base, run)
    }

    async fn standing(&self, run: &RunId, row: &str) -> Standing {
        let place = self.place(run);
        let wanted = place.wanted(row);
        let told = match place.open_row(row) {
            Some(directory) => ask(&directory, &Ask::State, PATIENCE).await.ok(),
            None => None,
        };
        match told {
            Some(Told::State { state, url, endpoints, credentials, members }) => {
                Standing { wanted, state, url, endpoints, credentials, members }
            }
            _ => Standing {
                wanted,
                state: self.silent(run, row),
                url: None,
                endpoints: BTreeMap::new(),
                credentials: None,
                members: Vec::new(),
            },
        }
    }

    /// The state of a row whose data plane does not answer.
    fn silent(&self, run: &RunId, row: &str) -> State {
        let plane = plane_member(row);
        if processes_of(run).iter().any(|process| process.member == plane) {
            return State::Starting;
        }
        let why = match self.place(run).last_words(row) {
            Some(line) => format!("its data plane ended: {line}"),
            None => "its data plane is gone".to_owned(),
        };
        State::Broken { why }
    }

    /// Every row that stands or starts on this machine, of whatever run.
    fn standing_rows(&self) -> Vec<Wanted> {
        let runs = runs_on_disk(&self.config.base);
        let places = runs.iter().map(|run| self.place(run));
        let rows = places.flat_map(|place| {
            let rows = place.rows();
            rows.iter().filter_map(|row| place.wanted(row)).collect::<Vec<_>>()
        });
        rows.collect()
    }

    async fn start(&self, run: &RunId, wanted: &Wanted) -> Result<Progress, TargetError> {
        let program = match self.can(&wanted.row).and_then(|_| self.program(&wanted.row)) {
            Ok(program) => program,
            Err(missing) => return Ok(Progress::Refused { why: missing.to_string() }),
        };
        let cores = Cores::split();
        // Held until the row has its directory: two starts at once must not promise one core twice.
        let _ledger = lock_ledger(&self.config.base)
            .map_err(|error| failed(&wanted.row.name, "opening the ledger", error))?;
        if let Err(why) = room_for(wanted, &self.standing_rows(), &cores) {
            return Ok(Progress::Refused { why });
        }
        let row = &wanted.row.name;
        let place = self.place(run);
        let config = PlaneConfig {
            run: run.clone(),
            wanted: wanted.clone(),
            program,
            directory: place.row(row),
            service_cores: cores.services.clone(),
            incarnation: format!("{:06x}", rand::random::<u32>() & 0xff_ffff),
        };
        let claimed = place.claim(wanted);
        // A step that is repeated since its answer was lost finds the row under way.
        if let Some(directory) =
            claimed.map_err(|error| failed(row, "making its directory", error))?
        {
            let started = self.spawn_plane(&config, &directory, &cores).await;
            started.map_err(|error| failed(row, "starting it", error))?;
        }
        Ok(Progress::Pending {
            on: format!("{row} starting"),
            look_again: Duration::from_millis(5),
        })
    }

    async fn spawn_plane(
        &self,
        config: &PlaneConfig,
        directory: &PrivateDir,
        cores: &Cores,
    ) -> std::io::Result<()> {
        let log = directory.create(PLANE_LOG).map_err(std::io::Error::other)?;
        let (program, arguments) =
            self.config.plane_command.split_first().expect("a command has a program");
        let mut command = std::process::Command::new(program);
        command
            .args(arguments)
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        let member = plane_member(&config.wanted.row.name);
        apart(&mut command, &config.run, &member, &cores.system);
        // Not waited for: it outlives this process, and tokio reaps it if it does not.
        let mut plane = tokio::process::Command::from(command).spawn()?;
        let mut told = plane.stdin.take().expect("it is a pipe");
        match told.write_all(&serde_json::to_vec(config)?).await {
            // It ended before it had read all; its log says why.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    async fn take_down(&self, run: &RunId, row: &str) -> Result<Progress, TargetError> {
        let place = self.place(run);
        if let Some(directory) = place.open_row(row).filter(|_| row != LEFT_OVER) {
            // A data plane that cannot stop by itself is killed below.
            let _ = ask(&directory, &Ask::Stop, PATIENCE).await;
        }
        let host = self.config.host.clone();
        let (of, swept) = (row.to_owned(), run.clone());
        let sweeping = tokio::task::spawn_blocking(move || {
            let belongs = |member: &str| of == LEFT_OVER || belongs(member, &of);
            sweep(&host, &swept, belongs);
        });
        sweeping.await.map_err(|error| failed(row, "sweeping it", std::io::Error::other(error)))?;
        let removed = if row == LEFT_OVER { place.remove() } else { place.remove_row(row) };
        removed.map_err(|error| failed(row, "removing its directory", error))?;
        Ok(Progress::Pending { on: format!("{row} ending"), look_again: Duration::ZERO })
    }

    async fn ask_row(&self, run: &RunId, row: &str, what: &Ask) -> Result<Told, TargetError> {
        let directory = self.place(run).open_row(row);
        let directory = directory.ok_or_else(|| TargetError::NoSuchRow(row.to_owned()))?;
        ask(&directory, what, PATIENCE).await.map_err(|error| TargetError::NoAnswer {
            what: format!("the data plane of {row}"),
            why: error.to_string(),
        })
    }
}

#[async_trait]
impl Target for Twin {
    fn can(&self, row: &Row) -> Result<Shaping, Missing> {
        if !row.built {
            return Err(Missing {
                what: format!("row {}", row.name),
                why: "not built yet".to_owned(),
                how_to_get_it: "gearshift gears".to_owned(),
            });
        }
        self.program(row)?;
        if row.gear().store == Store::File {
            files_available()?;
        }
        Ok(match self.config.host.enforcement().clone() {
            Enforcement::Shaped { by } => Shaping::Shaped { by },
            Enforcement::Unshaped { why, how_to_get_it } => {
                Shaping::Unshaped { why, how_to_get_it }
            }
        })
    }

    async fn observe(&self, run: &RunId) -> Result<World, TargetError> {
        let mut world = World::default();
        let rows = self.place(run).rows();
        for row in &rows {
            let standing = self.standing(run, row).await;
            world.rows.insert(row.clone(), standing);
        }
        let left = remains(&self.config.host, run);
        let known = |member: &str| rows.iter().any(|row| belongs(member, row));
        let stray = left.groups.iter().any(|group| !known(group))
            || left.processes.iter().any(|p| !p.member.is_empty() && !known(&p.member))
            || (rows.is_empty() && left.run_group);
        if stray {
            let why = "processes or control groups without a row".to_owned();
            let standing = Standing {
                wanted: None,
                state: State::Broken { why },
                url: None,
                endpoints: BTreeMap::new(),
                credentials: None,
                members: Vec::new(),
            };
            world.rows.insert(LEFT_OVER.to_owned(), standing);
        }
        Ok(world)
    }

    async fn step(
        &self,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
    ) -> Result<Progress, TargetError> {
        let place = self.place(run);
        // Nothing wanted and nothing kept: no fence is left behind by asking.
        if place.exists() || !want.rows.is_empty() {
            place.pass(fence)?;
        }
        for (name, standing) in &seen.rows {
            let as_wanted = want.rows.get(name).is_some_and(|wanted| {
                standing.wanted.as_ref() == Some(wanted)
                    && !matches!(standing.state, State::Broken { .. })
            });
            if !as_wanted {
                return self.take_down(run, name).await;
            }
        }
        for (name, wanted) in &want.rows {
            match seen.rows.get(name).map(|standing| &standing.state) {
                None => {
                    let started = self.start(run, wanted).await?;
                    let refused = matches!(started, Progress::Refused { .. });
                    if refused && place.rows().is_empty() {
                        let removed = place.remove();
                        removed.map_err(|error| failed(name, "removing its directory", error))?;
                    }
                    return Ok(started);
                }
                Some(State::Starting) => {
                    return Ok(Progress::Pending {
                        on: format!("{name} starting"),
                        look_again: Duration::from_millis(5),
                    });
                }
                Some(_) => {}
            }
        }
        if want.rows.is_empty() {
            place.remove().map_err(|error| failed("the run", "removing its directory", error))?;
        }
        Ok(Progress::Done)
    }

    async fn usage(&self, run: &RunId, row: &str) -> Result<Vec<UsageLine>, TargetError> {
        match self.ask_row(run, row, &Ask::Usage).await? {
            Told::Usage(lines) => Ok(lines),
            other => Err(unexpected(row, &other)),
        }
    }

    async fn events(
        &self,
        run: &RunId,
        row: &str,
        since: usize,
    ) -> Result<Vec<Event>, TargetError> {
        match self.ask_row(run, row, &Ask::Events { since }).await? {
            Told::Events(events) => Ok(events),
            other => Err(unexpected(row, &other)),
        }
    }

    async fn arrange(
        &self,
        run: &RunId,
        row: &str,
        condition: Condition,
    ) -> Result<(), TargetError> {
        match self.ask_row(run, row, &Ask::Arrange(condition.clone())).await? {
            Told::Done => Ok(()),
            Told::Refused { why } => {
                Err(TargetError::CannotArrange { what: format!("{condition:?}"), why })
            }
            other => Err(unexpected(row, &other)),
        }
    }
}

pub(crate) fn plane_member(row: &str) -> String {
    format!("{row}.plane")
}

/// Members are named `row.something`; a row's name has no dot.
fn belongs(member: &str, row: &str) -> bool {
    member.split_once('.').is_some_and(|(of, _)| of == row)
}

fn failed(row: &str, what: &str, error: impl std::fmt::Display) -> TargetError {
    TargetError::Failed {
        what: format!("{row}: {what}"),
        why: error.to_string(),
        next: "gearshift doctor".to_owned(),
    }
}

fn unexpected(row: &str, told: &Told) -> TargetError {
    failed(row, "its data plane", format!("answered {told:?}"))
}

impl TwinConfig {
    /// The usual place, with this command for data planes and these programs.
    ///
    /// # Errors
    /// Where the place is not usable; the error names the variable that decides it.
    pub fn usual(plane_command: Vec<PathBuf>, programs: Programs) -> Result<Self, PlaceError> {
        let base = Places::here().usable_state()?;
        Ok(Self { host: Host::detect(), base, plane_command, programs })
    }
}
