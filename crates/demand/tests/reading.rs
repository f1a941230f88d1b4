//! Traces as people have them, and what is said about their faults.

use std::io::{Cursor, Write};

use gearshift_demand::{DemandError, Format, Reading, Trace, from_reader};

fn read(text: impl Into<Vec<u8>>) -> Result<Trace, DemandError> {
    read_as(text, Reading::default())
}

fn read_as(text: impl Into<Vec<u8>>, reading: Reading) -> Result<Trace, DemandError> {
    from_reader("trace", Box::new(Cursor::new(text.into())), &reading, |_| {})
}

/// Rates of a trace as counts.
fn counts(trace: &Trace) -> Vec<f64> {
    trace.per_s.iter().map(|per_s| (per_s * 60.0 * 1e6).round() / 1e6).collect()
}

#[test]
fn counts_by_time_in_every_form_of_time() {
    for text in [
        "unix_seconds,requests\n893989800,2\n893989860,11\n893989920,0\n",
        "timestamp,value\n1998-05-01 02:30:00,2\n1998-05-01 02:31:00,11\n1998-05-01 02:32:00,0\n",
        "time,x\n1998-05-01T02:30:00Z,2\n1998-05-01T02:31:00Z,11\n1998-05-01T02:32:00Z,0\n",
        "893989800000,2\n893989860000,11\n893989920000,0\n",
        "Timestamp,Unit,Sum,Label\n1998-05-01T04:30:00+02:00,Count,2,x\n1998-05-01T04:31:00+02:00,Count,11,x\n1998-05-01T04:32:00+02:00,Count,0,x\n",
    ] {
        let trace = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(counts(&trace), [2.0, 11.0, 0.0], "{text}");
        assert_eq!(trace.begins_s, 893_989_800, "{text}");
    }
}

#[test]
fn bins_longer_and_shorter_than_a_minute_keep_every_request() {
    let five = read("t,requests\n0,50\n300,100\n600,0\n").unwrap();
    assert_eq!(counts(&five)[..10], [10.0, 10.0, 10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0]);
    let seconds: String = (7..187).map(|at| format!("{at},1\n")).collect();
    let seconds = read(format!("t,requests\n{seconds}")).unwrap();
    assert_eq!(counts(&seconds), [60.0, 60.0, 60.0]);
    assert_eq!(seconds.begins_s, 7);
}

const COMBINED: &str = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a [b] HTTP/1.0" 200 2326 "http://e/" "Mozilla/4.08 [en]"
::1 - - [10/Oct/2000:13:56:01 -0700] "GET / HTTP/1.1" 200 1
::1 - - [10/Oct/2000:22:57:59 +0200] "GET / HTTP/1.1" 200 1
"#;

#[test]
fn access_logs_in_their_own_time_zones() {
    let trace = read(COMBINED).unwrap();
    assert_eq!(counts(&trace), [1.0, 1.0, 1.0]);
    // 13:55 seven hours west of Greenwich.
    assert_eq!(trace.begins_s, 971_211_300);
}

#[test]
fn alb_logs_and_json_lines() {
    let alb = "https 2018-07-02T22:23:00.186641Z app/my-lb/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 \"GET https://www.example.com:443/ HTTP/1.1\"\n\
               http 2018-07-02T22:24:01.000000Z app/my-lb/50dc6c495c0c9188 192.168.131.39:2817 - -1 -1 -1 502 - 0 57 \"GET / HTTP/1.1\"\n";
    let json =
        "{\"time\":\"2018-07-02T22:23:00Z\",\"path\":\"/\"}\n{\"@timestamp\":1530570241.5}\n";
    let nginx = "{\"time_local\":\"02/Jul/2018:22:23:00 +0000\"}\n{\"msec\":1530570241.5}\n";
    for text in [alb, json, nginx] {
        let trace = read(text).unwrap();
        assert_eq!((trace.begins_s, counts(&trace)), (1_530_570_180, vec![1.0, 1.0]), "{text}");
    }
}

#[test]
fn cloudwatch_exports_of_both_commands_in_any_order() {
    let statistics = r#"{"Label":"RequestCount","Datapoints":[
        {"Timestamp":"2026-01-01T00:05:00+00:00","Sum":60.0,"Unit":"Count"},
        {"Timestamp":"2026-01-01T00:00:00+00:00","Sum":30.0,"Unit":"Count"}]}"#;
    let data = r#"{"MetricDataResults":[{"Id":"m","Label":"x","Timestamps":["2026-01-01T00:05:00+00:00","2026-01-01T00:00:00+00:00"],"Values":[60.0,30.0],"StatusCode":"Complete"}]}"#;
    for text in [statistics, data] {
        let trace = read(text).unwrap();
        assert_eq!(counts(&trace), [6.0, 6.0, 6.0, 6.0, 6.0, 12.0, 12.0, 12.0, 12.0, 12.0]);
    }
    let averages = statistics.replace("\"Sum\"", "\"Average\"");
    assert!(read(averages).unwrap_err().to_string().contains("--statistics Sum"));
}

#[test]
fn gzip_is_seen_by_its_first_bytes_and_may_have_members() {
    let mut zipped = Vec::new();
    for part in COMBINED.split_inclusive('\n') {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        member.write_all(part.as_bytes()).unwrap();
        zipped.extend(member.finish().unwrap());
    }
    assert_eq!(read(zipped.clone()).unwrap(), read(COMBINED).unwrap());
    zipped.truncate(zipped.len() - 12);
    assert!(matches!(read(zipped), Err(DemandError::Gzip { .. })));
}

#[test]
fn gaps_disorder_and_duplicates_are_named() {
    let trace = read("t,requests\n60,5\n120,5\n120,5\n0,5\n180,1\n180,2\n900,5\n").unwrap();
    assert_eq!((trace.notes.disorder, trace.notes.duplicates), (1, 2));
    assert_eq!(trace.notes.gaps.len(), 1);
    assert_eq!((trace.notes.gaps[0].from_s, trace.notes.gaps_s), (240, 660));
    assert_eq!(counts(&trace)[..4], [5.0, 5.0, 5.0, 3.0]);

    let line = |hour: u32, minute: u32| {
        format!("h - - [01/Jul/1995:{hour:02}:{minute:02}:00 -0400] \"GET /\" 200 1\n")
    };
    let log = line(1, 0) + &line(1, 30) + &line(4, 0) + &line(3, 59);
    let trace = read(log).unwrap();
    assert_eq!(trace.notes.disorder, 1);
    assert_eq!(trace.notes.gaps[0].length_s, (2 * 60 + 28) * 60);
}

#[test]
fn times_without_a_zone_are_of_the_zone_asked_for() {
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let reading = Reading { time_zone: Some(berlin), ..Reading::default() };
    let trace = read_as("time,n\n2026-07-01 02:00:00,1\n2026-07-01 02:01:00,1\n", reading).unwrap();
    assert_eq!(trace.begins_s, 1_782_864_000);
}

#[test]
fn bad_input_is_named_with_the_next_step() {
    for (text, says) in [
        ("", "empty"),
        ("hello\nworld\n", "--format"),
        ("t,requests\n0,-5\n60,1\n", "line 2: a count below zero: `0,-5`"),
        ("t,requests\n0,5\n", "one point in time"),
        ("t,requests\n0,5\n60,5\n99999999999,1\n", "more than 10 years"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains('→'), "{text}: {error}");
    }
    let reading = Reading { format: Some(Format::Access), ..Reading::default() };
    let error = read_as("a\nb\n", reading).unwrap_err().to_string();
    assert!(error.contains("none of 2 lines") && error.contains("line 1"), "{error}");
    let torn = format!("{COMBINED}garbage\n");
    assert_eq!(
        read(torn).unwrap().notes.first_unread.unwrap(),
        "line 4: no time in brackets: `garbage`"
    );
}

#[test]
fn memory_stays_flat_over_a_long_log() {
    struct Endless(usize);
    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let line = COMBINED.as_bytes();
            let many = into.len().min(self.0).min(line.len());
            into[..many].copy_from_slice(&line[..many]);
            self.0 -= many;
            Ok(many)
        }
    }
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
    };
    let read = |bytes: usize| {
        let whole = bytes / COMBINED.len() * COMBINED.len();
        from_reader("long", Box::new(Endless(whole)), &Reading::default(), |_| {}).unwrap()
    };
    read(16 << 20);
    let before = resident();
    let trace = read(256 << 20);
    assert!(trace.notes.requests > 2e6);
    assert!(resident() - before < 32 << 10, "grew by {} kB", resident() - before);
}

mod anything {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever comes, it is read or refused in words.
        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..400), format in 0usize..6) {
            let formats = [None, Some(Format::Counts), Some(Format::Access), Some(Format::JsonLines), Some(Format::Alb), Some(Format::CloudWatch)];
            let _ = read_as(text, Reading { format: formats[format], time_zone: None });
        }

        #[test]
        fn never_panics_on_almost_logs(
            parts in prop::collection::vec(prop_oneof![
                Just("[10/Oct/2000:13:55:36 -0700]".to_owned()), Just("[99/Foo/0000:99:99:99 +9999]".to_owned()),
                Just("\n".to_owned()), Just("{\"time\":".to_owned()), Just("1e308,".to_owned()), Just("}".to_owned()),
                Just("2026-01-01T00:00:00Z".to_owned()), Just(",".to_owned()), "[ -~]{0,12}".prop_map(|s| s),
            ], 0..30),
        ) {
            let _ = read(parts.concat());
        }
    }
}
