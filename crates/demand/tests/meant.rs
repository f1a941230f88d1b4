//! What is nearly right: names that hold a known word, units and rates, clocks set back, files cut short.

use std::io::Write;

use gearshift_demand::{Reading, Trace, from_reader};

fn read(text: impl Into<Vec<u8>>) -> Result<Trace, String> {
    read_in(text, "UTC")
}

fn read_in(text: impl Into<Vec<u8>>, zone: &str) -> Result<Trace, String> {
    let time_zone = Some(jiff::tz::TimeZone::get(zone).unwrap());
    let source = Box::new(std::io::Cursor::new(text.into()));
    let reading = Reading { time_zone, ..Reading::default() };
    from_reader("trace", source, &reading, |_| {}).map_err(|why| why.to_string())
}

#[track_caller]
fn refused(text: impl Into<Vec<u8>>, says: &str) {
    let why = read(text).unwrap_err();
    assert!(why.contains(says) && why.contains('→'), "{why}");
}

/// Requests of two minutes under a header.
fn requests(header: &str, rows: [&str; 2]) -> f64 {
    read(format!("{header}\n{}\n", rows.join("\n"))).unwrap().notes.requests
}

#[test]
fn a_whole_name_comes_before_a_word_of_one() {
    let rows = ["1774661340,1,60", "1774661400,2,60"];
    assert_eq!(requests("time,failed_requests,requests", rows), 120.0);
    assert_eq!(requests("time,request_time,hits", rows), 120.0);
    assert_eq!(requests("time,sum_latency,num_calls", rows), 120.0);
    let rows = ["250,2026-03-28 01:29:00,60", "251,2026-03-28 01:30:00,60"];
    assert_eq!(requests("time_taken,date,n", rows), 120.0);
    assert_eq!(requests("requests,t", ["60,0", "60,60"]), 120.0);
    assert_eq!(requests("Requests,x", ["60,0", "60,60"]), 120.0);
    refused(
        "time,get_requests,put_requests\n1774661340,1,2\n1774661400,1,2\n",
        "get_requests, put_requests may each be the counts",
    );
}

#[test]
fn a_first_row_without_its_count_leaves_the_columns_as_they_are_named() {
    let trace = read("time,requests,errors\n1774661340,,3\n1774661400,60,3\n1774661460,60,3\n");
    let notes = trace.unwrap().notes;
    assert_eq!((notes.requests, notes.unread), (120.0, 1));
}

#[test]
fn times_that_are_none_for_sure_are_refused() {
    refused("0,50\n60,60\n", "column 1, column 2 may each be the times");
    refused("1774661340,1774661400,5\n1774661400,1774661460,5\n", "column 1, column 2");
    refused("opened,closed,n\n2026-03-28,2026-03-29,5\n", "opened, closed may each be the times");
    refused("minute,requests\n0,50\n1,50\n", "minute holds neither seconds");
    refused("time_ms,requests\n0,50\n60000,50\n", "time_ms holds neither seconds");
    refused(
        "date,time,requests\n2026-03-28,01:00,5\n2026-03-28,01:01,5\n",
        "date, time hold a date and a time of day apart",
    );
    // Seconds since 1970 are what they are under any name.
    assert_eq!(requests("minute,requests", ["1774661340,60", "1774661400,60"]), 120.0);
}

#[test]
fn rates_are_not_taken_for_counts() {
    refused(
        "time,requests_per_second\n1774661340,5\n1774661400,5\n",
        "requests_per_second is a rate",
    );
    refused("time,rps\n1774661340,5\n1774661400,5\n", "rps is a rate");
}

/// Rows of 60 requests, so many to an hour, over the hours that a clock in Berlin shows.
fn berlin(hours: &[u8], rows_an_hour: u8) -> Trace {
    let rows = hours.iter().flat_map(|hour| {
        (0..rows_an_hour)
            .map(move |at| format!("2026-10-25 {hour:02}:{:02}:00,60\n", at * (60 / rows_an_hour)))
    });
    let text = rows.fold("time,requests\n".to_owned(), |text, row| text + &row);
    read_in(text, "Europe/Berlin").unwrap()
}

#[test]
fn the_hour_that_comes_twice_is_told_by_rows_of_any_length() {
    for rows_an_hour in [1, 2, 4, 12, 60] {
        let trace = berlin(&[0, 1, 2, 2, 3, 4], rows_an_hour);
        assert_eq!(trace.notes.requests, 60.0 * 6.0 * f64::from(rows_an_hour), "{rows_an_hour}");
        assert_eq!((trace.notes.disorder, trace.notes.duplicates), (0, 0), "{rows_an_hour}");
        assert_eq!(trace.notes.gaps_s, 0, "{rows_an_hour}");
    }
    // Rows that repeat a time, or lie a minute back, are no clock set back.
    let text = "time,requests\n2026-10-25 02:09:00,1\n2026-10-25 02:10:00,1\n2026-10-25 02:10:00,2\n\
                2026-10-25 02:09:00,2\n2026-10-25 02:11:00,1\n";
    let trace = read_in(text, "Europe/Berlin").unwrap();
    assert_eq!((trace.per_s.len(), trace.notes.duplicates, trace.notes.disorder), (3, 2, 1));
}

#[test]
fn only_a_document_of_cloudwatch_is_one() {
    let line = r#"{"time":1774661340,"body":{"Datapoints":[]}}"#;
    assert_eq!(
        read(format!("{line}\n{}\n", line.replace("340", "400"))).unwrap().notes.requests,
        2.0
    );
    refused("{\"time\":17746\n{\"x\":{\"Datapoints\":1}}\n", "line 1: not a JSON object");
    refused("{\"time\":17746", "its line could not be read as JSON lines");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(text.as_bytes()).unwrap();
    zipped.finish().unwrap()
}

#[test]
fn data_that_end_early_are_said_to_in_every_format() {
    let export =
        r#"{"MetricDataResults":[{"Id":"m","Timestamps":["2026-03-28T01:00:00Z"],"Values":[1]}]}"#;
    let counts = "time,requests\n1774661340,60\n1774661400,60\n";
    let log = "{\"time\":1774661340}\n{\"time\":1774661400}\n";
    for text in [export, counts, log] {
        let mut zipped = gzip(text);
        zipped.truncate(zipped.len() - 6);
        refused(zipped, "trace: its gzip data end early");
    }
}
