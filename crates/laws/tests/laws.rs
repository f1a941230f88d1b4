//! The shipped laws, and what the loader refuses.

use std::time::{Duration, Instant};

use gearshift_gear::{Caller, LawId};
use gearshift_laws::{BilledAs, Boundary, Law, Laws, LawsError, Plane};
use rand::SeedableRng;
use rand::rngs::StdRng;

const NEEDED: [&str; 17] = [
    "net.same_az_rtt",
    "net.cross_az_rtt",
    "net.internet_rtt",
    "apigw.http_own",
    "apigw.to_lambda_transit",
    "lambda.warm_overhead",
    "lambda.cold_env",
    "lambda.cold_code_per_mb",
    "lambda.idle_reclaim",
    "ddb.get_eventual",
    "ddb.get_strong",
    "ddb.put",
    "ddb.update_add",
    "s3.get_small",
    "s3.put_small",
    "s3.put_conditional",
    "tls.new_conn_in_region_wire",
];

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn one(fields: &str) -> Result<Laws, LawsError> {
    let rest = "id = \"x.y\"\nwhat = \"w\"\nunit = \"ms\"\nat = \"store\"\nbilled = \"inside\"\n\
                plane = \"data\"\n";
    Laws::parse("mine.toml", &format!("[[law]]\n{rest}{fields}"))
}

const SOURCE: &str = "source = { what = \"s\", year = \"2026\", confidence = \"A\" }\n";

fn refusal(fields: &str) -> String {
    one(fields).unwrap_err().to_string()
}

#[test]
fn the_shipped_file_holds_every_law_that_is_asked_for() {
    let laws = Laws::shipped();
    for id in NEEDED.into_iter().chain(["ec2.request_to_ssh_al2023"]) {
        let law = laws.named(id).unwrap();
        let source = law.source.as_ref().unwrap();
        assert!(!source.what.is_empty() && !source.year.is_empty(), "{id}");
    }
    for caller in Caller::ALL {
        laws.law(&caller.round_trip()).unwrap();
    }
}

#[test]
fn store_laws_are_billed_and_caller_laws_are_not() {
    for law in Laws::shipped().iter() {
        let expected = match law.at {
            Boundary::Store => BilledAs::Inside,
            _ => BilledAs::Outside,
        };
        assert_eq!(law.billed, expected, "{}", law.id);
    }
    // What nobody waits out belongs to a member's beginning or end; of those a request waits for
    // only a function's.
    let control = |law: &&Law| law.plane == Plane::Control;
    let before = |law: &&Law| law.at == Boundary::Placement;
    let laws = Laws::shipped();
    let waited: Vec<_> = laws.iter().filter(before).filter(|law| !control(law)).collect();
    assert!(waited.iter().all(|law| law.id.0.starts_with("lambda.")), "{waited:?}");
    let elsewhere: Vec<_> = laws.iter().filter(control).filter(|law| !before(law)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn quantiles_pass_through_the_published_points() {
    for law in Laws::shipped().iter() {
        let unit = if law.unit == gearshift_laws::Unit::S { 1000.0 } else { 1.0 };
        for (p, point) in [
            (0.5, Some(law.points.p50)),
            (0.9, law.points.p90),
            (0.95, law.points.p95),
            (0.99, law.points.p99),
            (0.999, law.points.p999),
        ] {
            let Some(point) = point else { continue };
            let drawn = ms(law.quantile(p)) / unit;
            assert!((drawn / point - 1.0).abs() < 1e-4, "{} p{p}: {drawn} for {point}", law.id);
        }
    }
}

#[test]
fn draws_have_the_published_percentiles() {
    let mut rng = StdRng::seed_from_u64(42);
    for law in Laws::shipped().iter() {
        let mut draws: Vec<f64> = (0..240_000).map(|_| law.draw(&mut rng).as_secs_f64()).collect();
        draws.sort_unstable_by(f64::total_cmp);
        for p in [0.5, 0.9, 0.99] {
            let drawn = draws[(p * draws.len() as f64) as usize];
            let wanted = law.quantile(p).as_secs_f64();
            let off = (drawn / wanted - 1.0).abs();
            assert!(off < 0.03, "{} p{p}: drew {drawn}, published {wanted}", law.id);
        }
        assert!(draws[0] > law.quantile(0.0).as_secs_f64(), "{} fell to its floor", law.id);
    }
}

#[test]
fn the_same_seed_draws_the_same() {
    let laws = Laws::shipped();
    let law = laws.named("ddb.put").unwrap();
    let draws = |seed| -> Vec<Duration> {
        let mut rng = StdRng::seed_from_u64(seed);
        (0..20).map(|_| law.draw(&mut rng)).collect()
    };
    assert_eq!(draws(7), draws(7));
    assert_ne!(draws(7), draws(8));
}

#[test]
fn doubling_a_law_doubles_its_draws_and_no_others() {
    let plain = Laws::shipped();
    let doubled = plain.clone().scaled(&LawId::from("ddb.put"), 2.0).unwrap();
    for (before, after) in plain.iter().zip(doubled.iter()) {
        let draw = |law: &Law| law.draw(&mut StdRng::seed_from_u64(1)).as_secs_f64();
        let factor = if before.id.0 == "ddb.put" { 2.0 } else { 1.0 };
        assert!((draw(after) / draw(before) - factor).abs() < 1e-6, "{}", before.id);
    }
    assert!(!doubled.are_off());
    assert!(matches!(
        plain.clone().scaled(&LawId::from("ddb.nothing"), 2.0),
        Err(LawsError::Unknown { .. })
    ));
    assert!(plain.scaled(&LawId::from("ddb.put"), -1.0).is_err());
}

#[test]
fn with_physics_off_every_draw_is_zero() {
    let off = Laws::shipped().off();
    assert!(off.are_off());
    let mut rng = StdRng::seed_from_u64(3);
    let asked = Instant::now();
    for law in off.iter() {
        assert_eq!(law.draw(&mut rng), Duration::ZERO, "{}", law.id);
        assert_eq!(law.answer_at(asked, &mut rng), asked);
    }
}

#[test]
fn an_answer_is_due_one_draw_after_it_was_asked_for() {
    let laws = Laws::shipped();
    let law = laws.named("ddb.update_add").unwrap();
    let asked = Instant::now();
    let due = law.answer_at(asked, &mut StdRng::seed_from_u64(5));
    assert_eq!(due - asked, law.draw(&mut StdRng::seed_from_u64(5)));
}

#[test]
fn the_warm_overhead_is_split_as_traced() {
    let laws = Laws::shipped();
    let law = laws.named("lambda.warm_overhead").unwrap();
    let (before, after) = law.split(Duration::from_micros(6100));
    assert!((ms(before) - 4.8).abs() < 0.01 && (ms(after) - 1.3).abs() < 0.01);
    let all = laws.named("ddb.put").unwrap().split(Duration::from_millis(4));
    assert_eq!(all, (Duration::from_millis(4), Duration::ZERO));
}

#[test]
fn only_what_exceeds_the_free_size_is_downloaded() {
    let laws = Laws::shipped();
    let law = laws.named("lambda.cold_code_per_mb").unwrap();
    let draw = |mb| law.draw_for_mb(mb, &mut StdRng::seed_from_u64(9));
    assert_eq!(draw(3.9), Duration::ZERO);
    let per_mb = law.draw(&mut StdRng::seed_from_u64(9));
    assert!((ms(draw(14.0)) - 10.0 * ms(per_mb)).abs() < 0.001);
}

#[test]
fn assumed_points_are_counted() {
    let laws = Laws::shipped();
    let counted = laws.sources().iter().filter(|line| !line.assumed.is_empty()).count();
    assert_eq!(laws.assumed_count(), counted);
    let put = laws.sources().into_iter().find(|line| line.id.0 == "ddb.put").unwrap();
    assert_eq!(put.assumed.len(), 2, "floor and p99 of ddb.put are assumed");
    assert_eq!(
        one("points = { floor = 1, p50 = 2, p90 = 3 }\nassumed = [\"floor\", \"p50\", \"p90\"]")
            .unwrap()
            .assumed_count(),
        1
    );
}

#[test]
fn a_law_without_source_is_refused_by_file_and_id() {
    let why = refusal("points = { floor = 1, p50 = 2, p90 = 3 }\n");
    assert!(why.contains("mine.toml") && why.contains("`x.y`") && why.contains("source"), "{why}");
    let partly = refusal("points = { floor = 1, p50 = 2, p90 = 3 }\nassumed = [\"p90\"]\n");
    assert!(partly.contains("source"), "{partly}");
}

#[test]
fn points_that_are_no_distribution_are_refused() {
    for (points, reason) in [
        ("points = { floor = 2, p50 = 2, p90 = 3 }\n", "not below p50"),
        ("points = { floor = 1, p50 = 4, p90 = 3 }\n", "do not rise"),
        ("points = { floor = 1, p50 = 2, p95 = 9, p99 = 8 }\n", "do not rise"),
        ("points = { floor = -1, p50 = 2, p90 = 3 }\n", "negative"),
        ("points = { floor = 1, p50 = 2 }\n", "one more point"),
        ("points = { floor = 1, p50 = 2, p90 = nan }\n", "must be a number"),
        ("points = { floor = 1, p50 = 2, p90 = 3 }\nassumed = [\"p99\"]\n", "does not give"),
        (
            "points = { floor = 1, p50 = 2, p90 = 3 }\nassumed = [\"p90\"]\nderived = [\"p90\"]\n",
            "assumed and",
        ),
        ("points = { floor = 1, p50 = 2, p90 = 3 }\nbefore_share = 1.5\n", "before_share"),
        ("points = { floor = 1, p50 = 2, p90 = 3 }\nabove_mb = 4\n", "above_mb"),
    ] {
        let why = refusal(&format!("{points}{SOURCE}"));
        assert!(why.contains(reason) && why.contains("`x.y`"), "{points}: {why}");
    }
}

#[test]
fn a_misspelt_field_and_a_law_listed_twice_are_refused() {
    let good = format!("points = {{ floor = 1, p50 = 2, p90 = 3 }}\n{SOURCE}");
    assert!(one(&good).is_ok());
    assert!(matches!(one(&format!("p9 = 3\n{good}")), Err(LawsError::Syntax { .. })));
    let law = format!(
        "[[law]]\nid = \"a\"\nwhat = \"w\"\nunit = \"ms\"\nat = \"store\"\nbilled = \"inside\"\n\
         plane = \"data\"\n{good}"
    );
    let twice = Laws::parse("mine.toml", &law.repeat(2)).unwrap_err().to_string();
    assert!(twice.contains("listed twice"), "{twice}");
}

#[test]
fn an_unknown_law_is_refused_with_the_known_ones() {
    let why = Laws::shipped().named("ddb.putt").unwrap_err().to_string();
    assert!(why.contains("`ddb.putt`") && why.contains("ddb.put,"), "{why}");
}
