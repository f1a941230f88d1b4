//! How long members waited for their store, to tell it to the requests that waited with them.
//!
//! A service's calls of its store carry no request's name. But whatever a member does for a request
//! happens while the request is there, so a request's share is the time during which its member waited
//! for the store while the request was in it.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use gearshift_gear::{Part, PartKind};
use gearshift_stores::{FileCall, StoreCall};

/// Calls kept per member: a minute's worth at a thousand a second is more than a request can span.
const KEPT: usize = 60_000;

#[derive(Default)]
pub(super) struct StoreTimes {
    by_member: Mutex<HashMap<String, VecDeque<Waited>>>,
}

struct Waited {
    began: Instant,
    ended: Instant,
    declared: Vec<(String, f64)>,
    late_ms: f64,
    /// What is late is told under this name.
    store: &'static str,
}

impl StoreTimes {
    pub(super) fn record(&self, call: FileCall) {
        let waited = Waited {
            began: call.began,
            ended: call.ended,
            declared: call.declared.into_iter().map(|wait| (wait.law.0, wait.ms)).collect(),
            late_ms: call.late_ms.unwrap_or_default(),
            store: "files",
        };
        self.keep(call.client, waited);
    }

    /// A call of a table or of objects by this member, told just before its answer leaves.
    pub(super) fn record_call(&self, member: &str, call: &StoreCall, store: &'static str) {
        let late_ms = call.late_ms.unwrap_or_default();
        let ended = Instant::now();
        let took = Duration::from_secs_f64((call.declared_ms() + late_ms).max(0.0) / 1e3);
        let declared = call.declared.iter().map(|wait| (wait.law.0.clone(), wait.ms));
        let began = ended.checked_sub(took).unwrap_or(ended);
        let waited = Waited { began, ended, declared: declared.collect(), late_ms, store };
        self.keep(member.to_owned(), waited);
    }

    fn keep(&self, member: String, waited: Waited) {
        let mut by_member = self.by_member.lock().expect("no panic while held");
        let calls = by_member.entry(member).or_default();
        if calls.len() == KEPT {
            calls.pop_front();
        }
        calls.push_back(waited);
    }

    pub(super) fn forget(&self, member: &str) {
        self.by_member.lock().expect("no panic while held").remove(member);
    }

    /// What this member waited for from `began` to `ended`, by law; time that two calls waited at once
    /// counts once.
    pub(super) fn between(&self, member: &str, began: Instant, ended: Instant) -> Vec<Part> {
        let by_member = self.by_member.lock().expect("no panic while held");
        let calls = by_member.get(member).into_iter().flatten().rev();
        let calls: Vec<&Waited> = calls.take_while(|call| call.ended > began).collect();
        let mut covered = began;
        let mut parts = Vec::<Part>::new();
        // They were kept in the order in which they ended.
        for call in calls.into_iter().rev() {
            let (from, until) = (call.began.max(covered), call.ended.min(ended));
            let inside = until.saturating_duration_since(from);
            covered = covered.max(until);
            if inside.is_zero() {
                continue;
            }
            let share = share(inside, call.ended - call.began);
            for (law, ms) in &call.declared {
                add(&mut parts, law, ms * share, PartKind::Declared);
            }
            add(&mut parts, call.store, call.late_ms * share, PartKind::Late);
        }
        parts
    }
}

fn share(part: Duration, of: Duration) -> f64 {
    (part.as_secs_f64() / of.as_secs_f64().max(f64::EPSILON)).min(1.0)
}

fn add(parts: &mut Vec<Part>, name: &str, ms: f64, kind: PartKind) {
    if ms <= 0.0 {
        return;
    }
    match parts.iter_mut().find(|part| part.name == name && part.kind == kind) {
        Some(part) => part.ms += ms,
        None => parts.push(Part { name: name.to_owned(), ms, kind }),
    }
}

#[cfg(test)]
mod tests {
    use gearshift_gear::LawId;
    use gearshift_stores::DeclaredWait;

    use super::*;

    fn call(task: &str, start: Instant, from_ms: u64, ms: u64) -> FileCall {
        let began = start + Duration::from_millis(from_ms);
        FileCall {
            client: task.to_owned(),
            operation: "read",
            declared: vec![DeclaredWait { law: LawId::from("efs.read"), ms: ms as f64 }],
            began,
            ended: began + Duration::from_millis(ms),
            late_ms: None,
            fault: None,
        }
    }

    fn declared_ms(times: &StoreTimes, task: &str, start: Instant, from: u64, to: u64) -> f64 {
        let at = |ms| start + Duration::from_millis(ms);
        times.between(task, at(from), at(to)).iter().map(|part| part.ms).sum()
    }

    #[test]
    fn a_request_is_told_what_its_own_task_waited_while_it_was_there() {
        let (times, start) = (StoreTimes::default(), Instant::now());
        times.record(call("a", start, 10, 10));
        times.record(call("b", start, 10, 10));
        times.record(call("a", start, 30, 4));
        let of = |task, from, to| declared_ms(&times, task, start, from, to);
        assert!((of("a", 0, 50) - 14.0).abs() < 1e-6);
        assert!((of("b", 0, 50) - 10.0).abs() < 1e-6);
        assert!((of("a", 15, 32) - 7.0).abs() < 1e-6, "halves of calls");
        assert_eq!(of("a", 40, 50), 0.0);
        assert_eq!(of("c", 0, 50), 0.0);
        times.forget("a");
        assert_eq!(of("a", 0, 50), 0.0);
    }

    #[test]
    fn time_that_two_calls_waited_at_once_counts_once() {
        let (times, start) = (StoreTimes::default(), Instant::now());
        times.record(call("a", start, 10, 10));
        times.record(call("a", start, 12, 10));
        assert!((declared_ms(&times, "a", start, 0, 50) - 12.0).abs() < 1e-6);
    }
}
