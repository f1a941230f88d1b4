//! The target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::{
    Condition, ConditionKind, Event, Facts, Fence, Patience, Progress, Shaping, Standing, State,
    Target, TargetError, Want, Wanted, World, check_artefacts,
};
use gearshift_files::{PlaceError, Places, PrivateDir};
use gearshift_gear::{
    Artefact, ArtefactKind, Artefacts, Compute, Missing, Program, Row, RunId, Side, Store,
    UsageLine,
};
use gearshift_sandbox::{Cores, Enforcement, Host, apart, processes_of, remains, sweep};
use gearshift_stores::files_available;
use tokio::io::AsyncWriteExt;

use crate::control::{Ask, Told, ask};
use crate::ledger::{fitting_share, room_for};
use crate::place::{PLANE_LOG, PlaneConfig, RunPlace, lock_ledger, runs_on_disk};

/// Under this name the world shows what is left of a run without belonging to a row.
const LEFT_OVER: &str = "(left over)";
/// A data plane answers within this or counts as not answering.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a twin needs.
#[derive(Clone)]
pub struct TwinConfig {
    pub host: Host,
    /// Directory below which runs keep their sockets; this user's alone.
    pub base: PathBuf,
    /// Command that serves a data plane; its row's directory is added, by which other users see whose
    /// it is, and what it needs to know follows on standard input.
    pub plane_command: Vec<PathBuf>,
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

    fn place(&self, run: &RunId) -> RunPlace {
        RunPlace::new(&self.config.base, run)
    }

    async fn standing(&self, run: &RunId, row: &str) -> Standing {
        let place = self.place(run);
        let spec = place.wanted(row).map(|wanted| wanted.spec);
        let told = match place.open_row(row) {
            Some(directory) => ask(&directory, &Ask::State, PATIENCE).await.ok(),
            None => None,
        };
        match told {
            Some(Told::State { state, since, url, endpoints, credentials, sides }) => Standing {
                spec,
                state,
                since: Some(since),
                url: Some(url),
                endpoints,
                credentials,
                sides,
            },
            _ => Standing::only(spec, self.silent(run, row)),
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

    /// Every row but this one that stands or starts on this machine, of whatever run, at the scale
    /// it has now; one that does not tell, at the scale it started with.
    async fn other_rows(&self, run: &RunId, row: &str) -> Vec<Wanted> {
        let mut others = Vec::new();
        for of in runs_on_disk(&self.config.base) {
            let place = self.place(&of);
            let rows = place.rows().into_iter().filter(|name| of != *run || name != row);
            for name in rows {
                let Some(started) = place.wanted(&name) else { continue };
                let seen = self.standing(&of, &name).await;
                let scale = if seen.sides.is_empty() { started.scale } else { seen.scale() };
                others.push(Wanted::standing(started.spec, scale));
            }
        }
        others
    }

    /// By what this row's CPU shares must be multiplied to fit this machine beside what stands on it
    /// now: above 0 and at most 1, 0 where nothing is free.
    pub async fn fitting_share(&self, run: &RunId, wanted: &Wanted) -> f64 {
        let others = self.other_rows(run, &wanted.spec.row.name).await;
        fitting_share(wanted, &others, &Cores::split())
    }

    async fn start(&self, run: &RunId, wanted: &Wanted) -> Result<Progress, TargetError> {
        let row = &wanted.spec.row;
        let facts = match self.facts(row).await {
            Ok(facts) => facts,
            Err(missing) => return Ok(Progress::Refused { why: missing.to_string() }),
        };
        if let Err(error) = check_artefacts(row, &wanted.artefacts, &facts) {
            return Ok(Progress::Refused { why: error.to_string() });
        }
        if let Err(error) = wanted.scale.check(row) {
            return Ok(Progress::Refused { why: error.to_string() });
        }
        let cores = Cores::split();
        // Held until the row has its directory: two starts at once must not promise one core twice.
        let _ledger = lock_ledger(&self.config.base)
            .map_err(|error| failed(&row.name, "opening the ledger", error))?;
        if let Err(why) = room_for(wanted, &self.other_rows(run, &row.name).await, &cores) {
            return Ok(Progress::Refused { why: why.to_string() });
        }
        let name = &row.name;
        let place = self.place(run);
        let config = PlaneConfig {
            run: run.clone(),
            wanted: wanted.clone(),
            programs: programs(&wanted.artefacts),
            directory: place.row(name),
            service_cores: cores.services.clone(),
            incarnation: format!("{:06x}", rand::random::<u32>() & 0xff_ffff),
        };
        let claimed = place.claim(wanted);
        // A step that is repeated since its answer was lost finds the row under way.
        if let Some(directory) =
            claimed.map_err(|error| failed(name, "making its directory", error))?
        {
            let started = self.spawn_plane(&config, &directory, &cores).await;
            started.map_err(|error| failed(name, "starting it", error))?;
        }
        Ok(pending(format!("{name} starting")))
    }

    /// Has a standing row change its scale, or says what of an earlier change is still under way.
    async fn scale(
        &self,
        run: &RunId,
        wanted: &Wanted,
        seen: &Standing,
        fence: Fence,
    ) -> Result<Progress, TargetError> {
        let name = &wanted.spec.row.name;
        if seen.scale() == wanted.scale {
            return Ok(seen.under_way().map_or(Progress::Done, pending));
        }
        let _ledger = lock_ledger(&self.config.base)
            .map_err(|error| failed(name, "opening the ledger", error))?;
        let others = self.other_rows(run, name).await;
        if let Err(why) = room_for(wanted, &others, &Cores::split()) {
            return Ok(Progress::Refused { why: why.to_string() });
        }
        let scale = wanted.scale.clone();
        tracing::debug!(%run, row = name, ?scale, "asking the data plane for another scale");
        match self.ask_row(run, name, &Ask::Scale { scale, fence }).await? {
            Told::Done => Ok(pending(format!("{name} changing"))),
            Told::Refused { why } => Ok(Progress::Refused { why }),
            Told::Fenced { newest } => Err(TargetError::Fenced { ours: fence.0, newest: newest.0 }),
            other => Err(unexpected(name, &other)),
        }
    }

    fn shaping(&self, row: &Row) -> Result<Shaping, Missing> {
        let missing = |why: &str, how: &str| Missing {
            what: format!("row {}", row.name),
            why: why.to_owned(),
            how_to_get_it: how.to_owned(),
        };
        let mut pools = row.sides().into_iter().flat_map(|(_, gear)| &gear.pools);
        if !row.built || pools.any(|pool| matches!(pool.compute, Compute::Pod { .. })) {
            return Err(missing("not built yet", "gearshift gears"));
        }
        if row.sides().iter().any(|(_, gear)| gear.store == Store::File) {
            files_available()?;
        }
        Ok(match self.config.host.enforcement().clone() {
            Enforcement::Shaped { by } => Shaping::Shaped { by },
            Enforcement::Unshaped { why, how_to_get_it } => {
                Shaping::Unshaped { why, how_to_get_it }
            }
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
        let member = plane_member(&config.wanted.spec.row.name);
        apart(&mut command, &config.run, &member, &cores.system);
        tracing::debug!(run = %config.run, member, "starting a data plane");
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
        tracing::debug!(%run, row, "taking down");
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
    async fn facts(&self, row: &Row) -> Result<Facts, Missing> {
        let sides = row.sides();
        let any = |fits: fn(&Compute) -> bool| {
            let mut pools = sides.iter().flat_map(|(_, gear)| &gear.pools);
            pools.any(|pool| fits(&pool.compute))
        };
        let mut conditions = BTreeSet::from([ConditionKind::Cold]);
        if any(|compute| matches!(compute, Compute::Instance(_))) {
            conditions.insert(ConditionKind::Credits);
        }
        if any(|compute| matches!(compute, Compute::Task { spot: true, .. })) {
            conditions.insert(ConditionKind::SpotNotice);
        }
        if sides.iter().any(|(_, gear)| gear.store != Store::Memory) {
            conditions.insert(ConditionKind::Faulty);
        }
        Ok(Facts {
            target: "twin".to_owned(),
            accepts: BTreeSet::from([ArtefactKind::Executable]),
            shaping: self.shaping(row)?,
            laws: true,
            conditions,
            usage_lag: Duration::ZERO,
            patience: Patience::default(),
        })
    }

    /// Those of this environment.
    async fn runs(&self) -> Result<Vec<RunId>, TargetError> {
        let mut runs: BTreeSet<RunId> = runs_on_disk(&self.config.base).into_iter().collect();
        runs.extend(self.config.host.runs());
        Ok(runs.into_iter().collect())
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
            let standing = Standing::only(None, State::Broken { why });
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
                standing.spec.as_ref() == Some(&wanted.spec)
                    && !matches!(standing.state, State::Broken { .. })
            });
            if !as_wanted {
                return self.take_down(run, name).await;
            }
        }
        for (name, wanted) in &want.rows {
            let seen = seen.rows.get(name);
            match seen.map(|standing| (standing, &standing.state)) {
                None => {
                    let started = self.start(run, wanted).await?;
                    let refused = matches!(started, Progress::Refused { .. });
                    if refused && place.rows().is_empty() {
                        let removed = place.remove();
                        removed.map_err(|error| failed(name, "removing its directory", error))?;
                    }
                    return Ok(started);
                }
                Some((_, State::Starting)) => return Ok(pending(format!("{name} starting"))),
                Some((standing, _)) => match self.scale(run, wanted, standing, fence).await? {
                    Progress::Done => {}
                    other => return Ok(other),
                },
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

/// What runs on each side, of artefacts that are files of this machine.
fn programs(artefacts: &Artefacts) -> BTreeMap<Side, Program> {
    let program = |(side, artefact): (&Side, &Artefact)| match artefact {
        Artefact::Executable(program) => Some((*side, (**program).clone())),
        Artefact::Zip { .. } | Artefact::Image { .. } => None,
    };
    artefacts.iter().filter_map(program).collect()
}

fn pending(on: String) -> Progress {
    Progress::Pending { on, look_again: Duration::from_millis(5) }
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
    /// The usual place, with this command for data planes.
    ///
    /// # Errors
    /// Where the place is not usable; the error names the variable that decides it.
    pub fn usual(plane_command: Vec<PathBuf>) -> Result<Self, PlaceError> {
        let base = Places::here().usable_state()?;
        Ok(Self { host: Host::detect(), base, plane_command })
    }
}
