//! What a reader might take for something else: columns, metrics, keys, hours that come twice.

use gearshift_demand::{DemandError, Reading, Trace, from_reader};

fn read(text: impl Into<Vec<u8>>) -> Result<Trace, DemandError> {
    read_in(text, "UTC")
}

fn read_in(text: impl Into<Vec<u8>>, zone: &str) -> Result<Trace, DemandError> {
    let time_zone = Some(jiff::tz::TimeZone::get(zone).unwrap());
    let source = Box::new(std::io::Cursor::new(text.into()));
    from_reader("trace", source, &Reading { time_zone, ..Reading::default() }, |_| {})
}

/// Ten minutes of 60 requests each under a header; `row` is given the time and the minute.
fn requests(header: &str, row: impl Fn(u64, u64) -> String) -> f64 {
    let rows: String = (0..10).map(|at| row(1_774_661_340 + at * 60, at) + "\n").collect();
    read(format!("{header}\n{rows}")).unwrap().notes.requests
}

#[test]
fn a_header_says_which_columns_are_meant() {
    assert_eq!(requests("requests,timestamp", |time, _| format!("60,{time}")), 600.0);
    assert_eq!(requests("id,timestamp,requests", |time, id| format!("{id},{time},60")), 600.0);
    assert_eq!(requests("time,n,errors,p99_ms", |time, _| format!("{time},60,1,250")), 600.0);
    let units = |time, _| format!("{time},9000,60");
    assert_eq!(requests("time,consumed_units,requests", units), 600.0);
    assert_eq!(requests("Time (UTC),Total Requests", |time, _| format!("{time},60")), 600.0);
}

#[test]
fn without_a_header_what_looks_like_a_time_is_the_time() {
    let rows: String = (0..10).map(|at| format!("60,{}\n", 1_774_661_340 + at * 60)).collect();
    assert_eq!(read(rows).unwrap().notes.requests, 600.0);
}

#[test]
fn columns_that_may_each_be_the_counts_are_named_and_none_is_taken() {
    let why = read("time,good,bad\n1774661340,60,1\n1774661400,60,1\n").unwrap_err().to_string();
    assert!(why.contains("good, bad") && why.contains('→'), "{why}");
    let why = read("1774661340,60,1\n1774661400,60,1\n").unwrap_err().to_string();
    assert!(why.contains("column 2, column 3"), "{why}");
}

#[test]
fn nothing_to_plan_from_is_said_as_it_is() {
    let why = read("unix_seconds,requests\n").unwrap_err();
    assert!(matches!(why, DemandError::NoRows { .. }), "{why}");
    let why = read("unix_seconds,requests\n1774661340,0\n1774661400,0\n").unwrap_err();
    assert!(matches!(why, DemandError::NoRequests { .. }), "{why}");
    let why = gearshift_demand::read("/".as_ref(), &Reading::default(), |_| {}).unwrap_err();
    assert!(matches!(why, DemandError::Folder { .. }), "{why}");
}

#[test]
fn the_last_minutes_bring_their_own_gaps() {
    // A gap of five minutes after the third, one of two after the tenth.
    let minutes = [0, 1, 2, 8, 9, 12, 13];
    let rows: String = minutes.map(|at| format!("{},60\n", 1_774_661_340 + at * 60)).concat();
    let trace = read(format!("time,requests\n{rows}")).unwrap();
    assert_eq!((trace.notes.gaps.len(), trace.notes.gaps_s), (2, 7 * 60));
    let last = trace.last(6);
    assert_eq!((last.per_s.len(), last.notes.requests), (6, 240.0));
    assert_eq!((last.notes.gaps.len(), last.notes.gaps_s), (1, 120));
}

#[test]
fn metrics_are_not_added_up() {
    let metric = |id: &str, value: f64| {
        format!(
            r#"{{"Id":"{id}","Timestamps":["2026-03-28T01:00:00Z","2026-03-28T01:01:00Z"],"Values":[{value},{value}]}}"#
        )
    };
    let of = |metrics: &[String]| format!(r#"{{"MetricDataResults":[{}]}}"#, metrics.join(","));
    assert_eq!(read(of(&[metric("count", 60.0)])).unwrap().notes.requests, 120.0);
    let why = read(of(&[metric("count", 60.0), metric("p99", 0.25)])).unwrap_err().to_string();
    assert!(why.contains("count, p99"), "{why}");
}

#[test]
fn the_hour_that_comes_twice_is_two_hours() {
    // Clocks in Berlin go back from 3:00 to 2:00 on 25 October 2026.
    let mut rows = String::from("time,requests\n");
    for (hour, minute) in [1, 2, 2, 3].iter().flat_map(|hour| (0..60).map(move |at| (hour, at))) {
        rows += &format!("2026-10-25 {hour:02}:{minute:02}:00,60\n");
    }
    let trace = read_in(rows, "Europe/Berlin").unwrap();
    assert_eq!(trace.notes.requests, 4.0 * 3600.0);
    assert_eq!(trace.per_s.len(), 240);
    assert_eq!((trace.notes.disorder, trace.notes.duplicates), (0, 0));
}

#[test]
fn a_line_with_several_times_has_that_of_the_first_known_field() {
    const LATER: &str = r#"{"ts":1774661400}"#;
    for line in [
        r#"{"msec":1774661340.5,"time_iso8601":"2026-03-28T01:29:00Z"}"#,
        r#"{"ts":5,"time":"2026-03-28T01:29:00Z"}"#,
        r#"{"ts":1774661340000000}"#,
        r#"{"ts":1774661340000000000}"#,
        r#"{"ts":1774661340}"#,
    ] {
        let trace = read(format!("{line}\n{line}\n{LATER}\n")).unwrap();
        assert_eq!((trace.begins_s, trace.notes.requests), (1_774_661_340, 3.0), "{line}");
    }
    let trace = read(format!("{{\"ts\":17746\n{LATER}\n{{\"ts\":1774661460}}\n")).unwrap();
    assert_eq!((trace.notes.requests, trace.notes.unread), (2.0, 1));
}
