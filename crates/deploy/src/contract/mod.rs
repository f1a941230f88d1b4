//! The contract: what every [`Target`](crate::Target) promises, clause by clause, and how to hold
//! one to it.
//!
//! A target's tests implement [`Bench`] and write `target_contract!(MyBench::new())`; every clause
//! becomes a test of its own name. The clauses return [`Breach`] rather than panic, so that a test
//! can also prove that a broken target breaks them.

mod artefacts;
mod bench;
mod building;
mod fences;
mod ground;
mod life;
mod memory;
mod removal;
mod scaling;
mod shifting;

use std::pin::Pin;

pub use bench::{Bench, Holding};

use ground::Ground;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("clause `{clause}` is broken: {reason}")]
pub struct Breach {
    /// The clause's name.
    pub clause: &'static str,
    /// What was seen, and what should have been.
    pub reason: String,
}

/// One clause under test, as [`Clause::hold`] starts it.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<(), Breach>> + 'a>>;

/// A clause by name.
#[derive(Clone, Copy)]
pub struct Clause {
    pub name: &'static str,
    /// Holds a target to it.
    pub hold: for<'a> fn(&'a dyn Bench) -> Checking<'a>,
}

/// Makes of one list: the public functions, [`CLAUSES`] and `target_contract!`. The first token is
/// a dollar sign, which the macro made here needs and cannot write itself.
macro_rules! clauses {
    ($d:tt $($(#[doc = $doc:literal])+ $module:ident::$name:ident)+) => {
        $(
            $(#[doc = $doc])+
            ///
            /// # Errors
            /// A [`Breach`] with what was seen. Whatever the clause started is cleaned up.
            pub async fn $name(bench: &dyn Bench) -> Result<(), Breach> {
                let ground = Ground::new(bench);
                let held = $module::$name(&ground).await;
                ground.clear().await;
                held.map_err(|reason| Breach { clause: stringify!($name), reason })
            }
        )+

        /// Every clause, in the order of a row's life.
        pub const CLAUSES: &[Clause] =
            &[$(Clause { name: stringify!($name), hold: |bench| Box::pin($name(bench)) }),+];

        /// One `#[tokio::test]` per clause, each on a bench of its own made by this expression
        /// (which may await). The crate under test needs tokio's `rt` and `macros`.
        #[macro_export]
        macro_rules! target_contract {
            ($d bench:expr) => {
                $(
                    #[tokio::test]
                    async fn $name() {
                        let bench = $d bench;
                        if let Err(breach) = $d crate::contract::$name(&bench).await {
                            panic!("{breach}");
                        }
                    }
                )+
            };
        }
    };
}

clauses! { $
    /// Observing a run nobody started gives an empty world and starts nothing.
    building::an_unknown_run_is_empty
    /// `can` names what a row that is not built needs, why and how to get it; a step towards it is
    /// refused and leaves nothing.
    building::can_names_what_is_missing
    /// Observing and stepping bring a row up within patience: ready, as wanted, with a URL that
    /// answers.
    building::up_reaches_ready
    /// A row comes up when every look and every step is made by a new handle, and `Done` is said
    /// only when the next new handle sees the row ready.
    building::done_is_what_a_new_handle_sees
    /// Observing a row changes nothing about it.
    building::observing_changes_nothing
    /// A step towards what already stands is `Done` and changes nothing, also through another
    /// handle.
    building::stepping_when_done_changes_nothing
    /// A step repeated with the same, by then outdated view (its answer was lost) doubles nothing.
    building::repeated_steps_double_nothing
    /// Changed settings replace the row: none of its members stays.
    building::changed_settings_replace_the_row
    /// What a row runs is taken in the forms that the facts name, and refused in any other.
    artefacts::only_accepted_artefacts_are_taken
    /// A row that is to run something else is another row.
    artefacts::another_artefact_replaces_the_row
    /// Whatever happens behind a handle's back is seen by that handle and repaired by it. A target
    /// that remembers fails here.
    memory::sabotage_is_seen_and_repaired
    /// What another handle took down is gone for this one too. A target that remembers fails here.
    memory::taken_down_by_another_is_seen
    /// What another handle brought up, this one takes down.
    memory::brought_up_by_another_is_taken_down
    /// A step with an older fence than the newest one is refused by every handle and changes
    /// nothing.
    fences::an_older_fence_is_refused
    /// Two runs do not see each other; removing one leaves the other as it was.
    removal::runs_do_not_see_each_other
    /// Wanting nothing removes everything, whether counted or observed; wanting it again is `Done`.
    removal::wanting_nothing_removes_everything
    /// A row taken away while it starts leaves nothing.
    removal::a_starting_row_can_be_taken_away
    /// After `Condition::Cold` no member seen before is left, each is told to have stopped, and the
    /// next request meets one never seen before.
    life::cold_leaves_no_member_seen_before
    /// Events come oldest first, each member's in the order of a life, and from any number on.
    life::events_tell_a_life_in_order
    /// Usage is never negative, never shrinks while the row stands, and grows with time or requests.
    life::usage_only_grows
    /// More members are added to those there are, and fewer are some of them: whoever stays is not
    /// touched.
    scaling::scaling_keeps_every_member_that_stays
    /// A member that goes is seen draining first, and answers what it has before it ends.
    scaling::a_member_that_goes_is_drained_first
    /// Weights move new requests from side to side, in proportion, and every request is answered.
    shifting::weights_move_traffic_and_lose_none
    /// A shift that was killed between any two steps is finished, or undone, by a handle that knows
    /// nothing of it.
    shifting::a_shift_killed_between_any_two_steps_is_finished_by_a_fresh_handle
    /// Of two handles that shift at once the newer one wins, and the other is fenced.
    shifting::of_two_handles_at_once_one_is_fenced
    /// A condition that the facts do not name cannot be arranged: a gap, and no other error.
    scaling::an_unknown_condition_is_a_gap
    /// A row that does not stand has no usage and takes no condition: `NoSuchRow`, not zero.
    life::what_does_not_stand_is_no_such_row
}
