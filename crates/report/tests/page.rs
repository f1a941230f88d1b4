//! The page.

mod common;

use common::{EVIL, results, swept};
use gearshift_compare::RowState;
use gearshift_load::Percentile;
use gearshift_report::html;

fn page() -> String {
    html(&results()).unwrap()
}

/// What stands in the first element that begins so.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
    let rest = &text[start..];
    &rest[..rest.find(to).unwrap_or_else(|| panic!("no {to} after {from}"))]
}

#[test]
fn the_page_loads_nothing() {
    let page = page();
    for reference in ["src=", "<link", "@import", "url(", "<iframe", "<object", "href="] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn text_from_elsewhere_is_escaped() {
    let page = page();
    assert!(!page.contains(EVIL));
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn style_and_script_are_not_escaped() {
    let page = page();
    assert!(page.contains("prefers-color-scheme: dark") && page.contains(".key > span"));
    assert!(page.contains("(() => {"));
}

#[test]
fn the_page_can_be_read_without_seeing_it() {
    let page = page();
    assert!(page.contains("<html lang=\"en\">"));
    assert!(page.contains("name=\"viewport\" content=\"width=device-width"));
    let chart = between(&page, "<svg class=\"chart wide\"", "</svg>");
    assert!(
        chart.contains("role=\"img\"") && chart.contains("<desc id=\"wide-desc\">Cheapest: below")
    );
    for heading in [
        "costs",
        "comparison",
        "latency",
        "spread",
        "cold",
        "checks",
        "origins",
        "bills",
        "laws",
        "again",
    ] {
        assert!(page.contains(&format!("<h2 id=\"{heading}\"")), "{heading}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(page.matches("<table").count(), page.matches("<thead").count());
}

#[test]
fn one_line_for_each_row_that_is_ok_and_priced() {
    let page = page();
    let chart = between(&page, "<svg class=\"chart wide\"", "</svg>");
    assert_eq!(chart.matches("<path class=\"line").count(), 3);
    for name in ["ec2", "lambda-rust-dynamodb", "lambda-python-dynamodb"] {
        assert!(chart.contains(&format!("<title>{name}</title>")), "{name}");
    }
    assert!(!chart.contains("<title>lambda-js-dynamodb"), "an INVALID row has no line");
    assert!(page.contains("lambda-cpp-dynamodb: no price for instance x9.huge"));
    assert_eq!(chart.matches("<rect class=\"band").count(), 2);
}

#[test]
fn a_line_steps_where_one_more_unit_begins() {
    let path = |results: &gearshift_compare::Results| {
        let page = html(results).unwrap();
        let chart = between(&page, "<svg class=\"chart wide\"", "</svg>").to_owned();
        let start = chart.find("<title>ec2</title>").unwrap();
        let line = &chart[..start];
        line[line.rfind(" d=\"").unwrap()..].to_owned()
    };
    // An upright piece: twice the same x one after the other.
    let steps = |path: &str| {
        let points = path.split(['M', 'L']).skip(1).map(|point| point.split(' ').next().unwrap());
        let xs: Vec<&str> = points.collect();
        xs.windows(2).filter(|pair| pair[0] == pair[1]).count()
    };
    let mut results = results();
    assert_eq!(steps(&path(&results)), 0, "one instance is enough for all volumes drawn");
    let ec2 = results.rows.iter_mut().find(|row| row.row == "ec2").unwrap();
    ec2.ceiling.as_mut().unwrap().sustained.per_s.value = 100.0;
    assert!(steps(&path(&results)) >= 3, "{}", path(&results));
    let page = html(&results).unwrap();
    assert!(page.contains("(× 4)"), "1,000 M calls a month are 380/s: four of 100/s");
}

#[test]
fn every_coordinate_is_a_number() {
    let mut results = results();
    for row in &mut results.rows {
        if let Some(latency) = &mut row.latency {
            latency.here_ms.value = 0.0;
            latency.parts.clear();
        }
        if let Some(cold) = &mut row.cold {
            cold.parts.iter_mut().for_each(|part| part.ms = 0.0);
        }
    }
    assert!(!html(&results).unwrap().contains("class=\"bar\""), "nothing took any time");
    for results in [results, common::results()] {
        let page = html(&results).unwrap();
        for not_a_number in ["NaN", "inf\"", "\"inf", "Infinity", "-0.0"] {
            assert!(!page.contains(not_a_number), "{not_a_number}");
        }
    }
}

#[test]
fn figures_of_rows_that_are_not_ok_stand_in_brackets() {
    let page = page();
    let row = between(&page, "lambda-js-dynamodb <strong class=\"state\">INVALID", "</tr>");
    assert!(row.contains("(24.5)") && row.contains("(2.18)"), "{row}");
    let ok = between(&page, "lambda-python-dynamodb<small>", "</tr>");
    assert!(ok.contains(">27.4<") && ok.contains(">n&lt;200<"), "{ok}");
}

#[test]
fn a_run_in_which_nothing_was_measured_has_a_page() {
    let mut results = results();
    results.rows.retain(|row| row.state == RowState::Skipped);
    results.winners = None;
    results.break_evens.clear();
    results.overhead = None;
    let page = html(&results).unwrap();
    assert!(page.contains("No row could be priced.") && page.contains("only on request"));
    assert!(!page.contains("<svg class=\"chart"));
}

#[test]
fn too_few_values_read_so_wherever_a_percentile_stands() {
    let mut results = results();
    for row in &mut results.rows {
        if let Some(latency) = &mut row.latency {
            latency.p90_ms = Percentile::TooFew { n: 10, needs: 20 };
        }
    }
    assert_eq!(html(&results).unwrap().matches("n&lt;20)<").count(), 1, "the INVALID row");
}

#[test]
fn a_sweep_over_memory_is_drawn_and_tabled() {
    let page = html(&swept()).unwrap();
    let section = between(&page, "<h2 id=\"memory\">", "</section>");
    assert_eq!(section.matches("<svg viewBox").count(), 3, "latency, billed time and price");
    assert_eq!(section.matches("class=\"ring ").count(), 3, "the lowest of each");
    // What is not ok stands in the table, in brackets, and is not drawn.
    assert_eq!(section.matches("<circle").count(), 9);
    assert!(section.contains("(100") || section.contains("(1.00)"), "{section}");
    assert!(section.contains(">cheapest<") && section.contains(">fastest<"));
    assert!(!section.contains("NaN") && !section.contains("inf") && !section.contains(EVIL));
    assert!(!html(&results()).unwrap().contains("id=\"memory\""));
}
