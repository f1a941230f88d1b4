//! The page.

mod common;

use std::collections::BTreeSet;

use common::{EVIL, many_rows, results, swept};
use gearshift_gear::{Known, Origin};
use gearshift_load::Percentile;
use gearshift_report::html;
use gearshift_results::{Results, RowState};

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
    for page in [results(), swept(), many_rows()].map(|results| html(&results).unwrap()) {
        for reference in ["src=", "<link", "@import", "url(", "<iframe", "<object", "href="] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert!(!page.contains("http://") && !page.contains("https://"));
        assert!(page.contains("default-src 'none'"));
    }
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
    let path = |results: &gearshift_results::Results| {
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

/// Values of an attribute in the order of the text.
fn values<'a>(text: &'a str, element: &str, attribute: &str) -> Vec<&'a str> {
    let elements = text.split(element).skip(1).map(|rest| &rest[..rest.find('>').unwrap()]);
    let attribute = format!(" {attribute}=\"");
    let value = |tag: &'a str| tag.split(&attribute).nth(1).and_then(|rest| rest.split('"').next());
    elements.filter_map(value).collect()
}

#[test]
fn twelve_lines_can_be_told_apart_without_colour() {
    let mut results = many_rows();
    results.rows.retain(|row| row.state == RowState::Ok);
    for index in 0..4 {
        let copy =
            results.rows.iter().find(|row| row.row == "lambda-rust-dynamodb").unwrap().clone();
        results.rows.push(gearshift_results::RowResult { row: format!("own-{index}"), ..copy });
    }
    let page = html(&results).unwrap();
    let chart = between(&page, "<svg class=\"chart wide\"", "</svg>");
    let names = || chart.split("<text class=\"name ").skip(1);
    let named: BTreeSet<&str> = names().map(|text| between(text, ">", "<")).collect();
    assert_eq!(named.len(), 12, "{named:?}");
    let mut ys: Vec<f64> =
        values(chart, "<text class=\"name ", "y").iter().map(|y| y.parse().unwrap()).collect();
    ys.sort_by(f64::total_cmp);
    assert!(ys.windows(2).all(|pair| pair[1] - pair[0] > 15.9), "{ys:?}");
    let dashes: BTreeSet<&str> =
        values(chart, "<path class=\"line ", "stroke-dasharray").into_iter().collect();
    assert_eq!(dashes.len(), 5, "and a line without");
    let colours: BTreeSet<&str> = names().map(|text| text.split('"').next().unwrap()).collect();
    assert_eq!(colours.len(), 12, "{colours:?}");
    // A phone has no room for names: numbers, which the legend explains.
    let narrow = between(&page, "<svg class=\"chart narrow\"", "</svg>");
    let legend = between(&page, "<ol class=\"legend\">", "</ol>");
    assert!(narrow.contains(">12</text>") && !narrow.contains(">own-3</text>"));
    assert!(legend.contains(">12</b>") && legend.contains("own-3"));
}

#[test]
fn percentiles_are_taken_apart_and_old_results_still_have_a_page() {
    let page = html(&many_rows()).unwrap();
    let section = between(&page, "<h2 id=\"spread\">", "</section>");
    assert_eq!(section.matches("<svg viewBox").count(), 9, "one for each row with a latency");
    assert_eq!(section.matches("<path class=\"a-here\"").count(), 9);
    assert_eq!(section.matches("class=\"doubtful\"").count(), 1);
    let table = between(section, "<tbody>", "</tbody>");
    assert!(table.contains("<td class=\"n\">16.2 = 1.3 + 14.9</td>"), "{table}");
    // As an older version wrote it.
    let mut json = serde_json::to_value(many_rows()).unwrap();
    for row in json["rows"].as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("footprint").unwrap();
        row["latency"].as_object_mut().map(|latency| latency.remove("spread").unwrap());
    }
    let old: Results = serde_json::from_value(json).unwrap();
    let page = html(&old).unwrap();
    let section = between(&page, "<h2 id=\"spread\">", "</section>");
    assert!(section.contains("did not take its percentiles apart"));
    assert_eq!(section.matches("<path class=\"line whole\"").count(), 9);
    assert!(!section.contains("class=\"a-here\"") && !page.contains("id=\"footprint\""));
}

#[test]
fn memory_is_drawn_against_its_limit() {
    let page = html(&many_rows()).unwrap();
    let section = between(&page, "<h2 id=\"footprint\">", "</section>");
    let python = between(section, ">lambda-python-dynamodb</span>", "</small>");
    assert_eq!(values(python, "<rect", "width"), ["648.4", "554.7"], "83 and 71 of 128 MB");
    assert!(python.contains("71 → 83 MB<small>of 128 MB"), "{python}");
    let unlimited = between(section, ">lambda-python-s3</span>", "</small>");
    assert_eq!(values(unlimited, "<rect", "width"), ["0.0", "0.0"]);
    assert!(unlimited.contains("74 → 92 MB<small>no limit here"), "{unlimited}");
    assert!(between(section, ">lambda-js-dynamodb</span>", "</small>").contains("(88 → 121 MB)"));
}

#[test]
fn figures_are_counted_by_their_origin() {
    let counts = |results: &Results| {
        let page = html(results).unwrap();
        let section = between(&page, "<h2 id=\"origins\">", "</section>").to_owned();
        let count = |before: &str| -> usize {
            let text = section.split(before).next().unwrap();
            let number = text.rsplit([' ', '>']).find(|word| !word.is_empty()).unwrap();
            number.parse().unwrap_or_else(|_| panic!("{number} before {before}"))
        };
        let kinds = [" measured,", " declared,", " quoted,", " assumed,", " computed"].map(count);
        (count(" figures of this run"), kinds, count(" rest on a law with a point"))
    };
    let mut results = many_rows();
    let (all, kinds, on_assumed) = counts(&results);
    assert_eq!(kinds.iter().sum::<usize>(), all);
    let in_json = serde_json::to_string(&results).unwrap().matches("\"origin\":").count();
    assert_eq!(all, in_json);
    assert!(kinds[0] > 0 && kinds[2] > 0 && on_assumed > 0);
    let latency = results.rows.iter_mut().find_map(|row| row.latency.as_mut()).unwrap();
    latency.here_ms = Known::new(1.0, Origin::Assumed("a guess".into()));
    let (_, after, _) = counts(&results);
    assert_eq!((after[0], after[3]), (kinds[0] - 1, kinds[3] + 1));
    assert!(html(&results).unwrap().contains("<dd>a guess</dd>"));
    results.laws.iter_mut().for_each(|law| law.assumed.clear());
    let page = html(&results).unwrap();
    assert!(page.contains("None rests on a law with a point that nobody measured"));
}

#[test]
fn one_block_says_under_what_conditions_it_ran() {
    let page = html(&common::with_a_stand_in()).unwrap();
    let block = between(&page, "<pre id=\"block\"", "</pre>");
    for line in [
        "run        7f3a, begun 1970-01-01T00:00:00Z, 5 m 41 s",
        "gearshift  0.1.0, results as gearshift.results",
        "on         twin, physics on",
        "machine    A CPU, 4 cores",
        "system     Linux 6.8, shares by cgroup v2",
        "core       2.3 × Lambda x86 vCPU",
        "runtime    awslambdaric 4.2.2 on CPython 3.11.2",
        "seed       42",
        "caller     caller in the region (1 ms away)",
        "region     eu-west-2, prices of 2026-09-29",
        "again      gearshift compare --rows",
    ] {
        assert!(block.contains(line), "{line}: {block}");
    }
}

#[test]
fn text_has_contrast_enough_in_both_schemes() {
    let page = page();
    let style = between(&page, "<style>", "</style>");
    let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
    for (scheme, text) in [("light", light), ("dark", dark)] {
        let colour = |name: &str| {
            let hex =
                between(text, &format!("--{name}: #"), ";").rsplit('#').next().unwrap().to_owned();
            let part =
                |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            let linear = |part: f64| match part {
                part if part <= 0.04045 => part / 12.92,
                part => ((part + 0.055) / 1.055).powf(2.4),
            };
            let [r, g, b] = [0, 2, 4].map(part).map(linear);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        // WCAG 2: (lighter + 0.05) ÷ (darker + 0.05), at least 4.5 for text.
        let ratio = |a: &str, b: &str| {
            let (a, b) = (colour(a) + 0.05, colour(b) + 0.05);
            a.max(b) / a.min(b)
        };
        let mut names: Vec<String> = (0..12).map(|index| format!("c{index}")).collect();
        names.extend(["text", "quiet", "warn"].map(str::to_owned));
        for name in names {
            assert!(ratio(&name, "ground") >= 4.5, "{scheme}: {name} {}", ratio(&name, "ground"));
        }
        assert!(ratio("text", "soft") >= 4.5 && ratio("here", "soft") >= 3.0, "{scheme}");
    }
}
