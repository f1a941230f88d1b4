//! What is wanted and what is there.

use std::collections::BTreeMap;

use gearshift_gear::{Artefacts, Caller, EnvironmentId, LawId, Owner, Row, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Scale;
use crate::artefact::digests;

/// How a row is to run, beside what the catalogue says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whose row it is.
    #[serde(default)]
    pub owner: Owner,
    pub caller: Caller,
    /// False: no laws, the bare machine. CPU and memory shares stay.
    pub physics: bool,
    /// False: CPU shares are not enforced either, to measure the target itself.
    pub shaped: bool,
    /// Where every draw starts.
    pub seed: u64,
    /// This machine's core as a multiple of the provider's vCPU; 1 when unknown.
    pub core_factor: f64,
    /// What every CPU share is multiplied by, where the row's own shares do not fit this machine:
    /// above 0, at most 1.
    #[serde(default = "whole")]
    pub share_factor: f64,
    /// AWS region the row stands in; named in functions' environments.
    pub region: String,
    /// Functions make their clients anew on every call, to show what that costs.
    #[serde(default)]
    pub init_per_call: bool,
    /// Port of the row's address; 0: any that is free.
    #[serde(default)]
    pub port: u16,
    /// Seconds that pass on the provider's clock in one second here, for what a control plane does
    /// by itself (starting a task's replacement, a Spot notice): above 0.
    #[serde(default = "default_clock_factor")]
    pub clock_factor: f64,
    /// Laws that are multiplied, by what: 1 where a law is not named.
    #[serde(default)]
    pub law_factors: BTreeMap<LawId, f64>,
}

fn default_clock_factor() -> f64 {
    30.0
}

fn whole() -> f64 {
    1.0
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            owner: Owner::default(),
            caller: Caller::default(),
            physics: true,
            shaped: true,
            seed: 42,
            core_factor: 1.0,
            share_factor: whole(),
            region: "eu-west-2".to_owned(),
            init_per_call: false,
            port: 0,
            clock_factor: default_clock_factor(),
            law_factors: BTreeMap::new(),
        }
    }
}

/// What a row is: another one of these is another row, so a change replaces what stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    pub row: Row,
    pub settings: Settings,
    /// The digest of what each side runs.
    #[serde(default)]
    pub artefacts: BTreeMap<Side, String>,
}

/// One row as wanted: what it is, and what of it changes in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    pub spec: Spec,
    pub scale: Scale,
    /// What each side runs, which a target needs where it has to start the row; never kept, since it
    /// may hold a user's secrets.
    #[serde(skip)]
    pub artefacts: Artefacts,
}

impl Wanted {
    /// This row as it starts.
    pub fn initial(row: Row, settings: Settings, artefacts: Artefacts) -> Self {
        let scale = Scale::initial(&row);
        let spec = Spec { row, settings, artefacts: digests(&artefacts) };
        Self { spec, scale, artefacts }
    }

    /// A row that stands, at this scale. It can be changed and taken down, not started again.
    pub fn standing(spec: Spec, scale: Scale) -> Self {
        Self { spec, scale, artefacts: Artefacts::new() }
    }
}

/// Everything wanted of one run, by row name. Empty: take all down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Want {
    pub rows: BTreeMap<String, Wanted>,
}

impl Want {
    /// Nothing: what `down` wants.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Just this row, as it starts.
    pub fn one(row: Row, settings: Settings, artefacts: Artefacts) -> Self {
        Self::of(Wanted::initial(row, settings, artefacts))
    }

    /// Just this.
    pub fn of(wanted: Wanted) -> Self {
        Self { rows: BTreeMap::from([(wanted.spec.row.name.clone(), wanted)]) }
    }
}

/// What is there of one run, by row name, as read back from where it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    pub rows: BTreeMap<String, Standing>,
}

impl World {
    /// Everything as it stands now, wanted: what a change of one row starts from.
    pub fn as_wanted(&self) -> Want {
        let rows = self.rows.iter().filter_map(|(name, standing)| {
            let (spec, scale) = (standing.spec.clone()?, standing.scale());
            Some((name.clone(), Wanted::standing(spec, scale)))
        });
        Want { rows: rows.collect() }
    }
}

/// One row as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What it was started as; absent where its remains no longer tell.
    pub spec: Option<Spec>,
    pub state: State,
    /// Since when it stands, where the target can tell.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Where clients reach it, once ready.
    pub url: Option<String>,
    /// Further addresses by what they speak: `table` (DynamoDB), `invoke` (Lambda).
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// What calls of these addresses are signed with, where they want that.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// The sides that are there; one that is absent is not among them.
    #[serde(default)]
    pub sides: BTreeMap<Side, SideStanding>,
}

/// One side of a row as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideStanding {
    pub state: SideState,
    /// Which part of new requests comes here, in thousandths.
    pub weight: u16,
    /// Requests that this side has and has not answered yet.
    pub in_flight: u64,
    /// By name.
    pub pools: BTreeMap<String, PoolStanding>,
}

/// What a side does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideState {
    /// It waits for this before it can take requests.
    Warming { on: String },
    /// It can take requests, whatever its weight.
    Ready,
    /// It is to go: it gets no new requests and finishes those it has.
    Draining,
}

/// One pool as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolStanding {
    /// How many members it was told to have; none where they follow the requests in flight.
    pub wanted: Option<u32>,
    /// Whether it has no member until somebody asks, as after [`crate::Condition::Cold`].
    #[serde(default)]
    pub cold: bool,
    pub members: Vec<Member>,
}

impl PoolStanding {
    /// Whether it has what it was told to have: so many members that take requests, and no other.
    pub fn settled(&self) -> bool {
        let serving =
            |member: &&Member| matches!(member.state, MemberState::Idle | MemberState::Busy);
        let serve = self.members.iter().filter(serving).count();
        let as_told = |wanted: u32| serve == wanted as usize && self.members.len() == serve;
        self.cold || self.wanted.is_none_or(as_told)
    }
}

impl Standing {
    /// A row of which nothing but this state can be told.
    pub fn only(spec: Option<Spec>, state: State) -> Self {
        Self {
            spec,
            state,
            since: None,
            url: None,
            endpoints: BTreeMap::new(),
            credentials: None,
            sides: BTreeMap::new(),
        }
    }

    /// Every member of every side.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        let pools = self.sides.values().flat_map(|side| side.pools.values());
        pools.flat_map(|pool| &pool.members)
    }

    /// What it was last told to be, as far as it still shows.
    pub fn scale(&self) -> Scale {
        let staying = self.sides.iter().filter(|(_, side)| side.state != SideState::Draining);
        let side = |side: &SideStanding| {
            let pools = side.pools.iter();
            let members = pools.filter_map(|(name, pool)| Some((name.clone(), pool.wanted?)));
            crate::SideScale { weight: side.weight, members: members.collect() }
        };
        Scale { sides: staying.map(|(of, standing)| (*of, side(standing))).collect() }
    }

    /// What is still under way: a side that warms up or drains, a pool that gains or loses members;
    /// none once all is as it was told to be.
    pub fn under_way(&self) -> Option<String> {
        self.sides.iter().find_map(|(of, side)| match &side.state {
            SideState::Warming { on } => Some(on.clone()),
            SideState::Draining => {
                Some(format!("the {of} side, {} requests in flight", side.in_flight))
            }
            SideState::Ready => {
                let unsettled = side.pools.iter().find(|(_, pool)| !pool.settled());
                unsettled.map(|(name, pool)| pool.told(name))
            }
        })
    }
}

impl PoolStanding {
    fn told(&self, name: &str) -> String {
        let of = |wanted: MemberState| {
            self.members.iter().filter(|member| member.state == wanted).count()
        };
        let (ready, leaving) =
            (of(MemberState::Idle) + of(MemberState::Busy), of(MemberState::Draining));
        let wanted = self.wanted.unwrap_or_default();
        format!("{name}: {ready} of {wanted} ready, {leaving} draining")
    }
}

/// A row's own credentials, in AWS's form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// Never with the secret.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credentials").field(&self.access_key_id).finish()
    }
}

/// The state of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Starting,
    Ready,
    /// Something of it is gone or fails; it must be taken away and started again.
    Broken {
        why: String,
    },
}

/// One environment, instance, task or pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub environment: EnvironmentId,
    pub state: MemberState,
    /// CPU it has used since it was made, where the target can tell.
    #[serde(default)]
    pub cpu_used_ms: Option<f64>,
    /// Memory it has taken, where the target can tell.
    #[serde(default)]
    pub memory: Option<Memory>,
}

/// What a member takes of memory, as it counts against its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub now_bytes: u64,
    /// The most since it was made.
    pub peak_bytes: u64,
}

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    Starting,
    /// Ready, and frozen where the gear freezes between requests.
    Idle,
    Busy,
    /// Finishes what it has and is sent nothing more.
    Draining,
}

/// Something that happened to a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: Timestamp,
    pub row: String,
    pub environment: EnvironmentId,
    pub what: Happening,
}

/// What happens in a member's life, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    Placed,
    Started,
    Listening,
    FirstByte,
    /// Told that it will be interrupted: a Spot notice.
    Notice,
    /// A line of the provider's log, such as Lambda's `REPORT`.
    Log(String),
    Stopped {
        why: String,
    },
}
