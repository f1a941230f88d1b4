//! What is printed and written as text.

mod common;

use common::{EVIL, results, swept, with_a_stand_in};
use gearshift_price::Priced;
use gearshift_report::{
    BEGIN, END, Footer, ReportError, diff_table, html, json_schema, markdown, preset, readme_table,
    replace_between, table,
};
use gearshift_results::{Results, RowState, diff};

const ARTEFACTS: Footer<'_> =
    Footer { report: ".gearshift/runs/7f3a/report.html", next: &["gearshift up ec2"] };

fn screen(results: &Results) -> String {
    table(results, 100, &ARTEFACTS)
}

fn line<'a>(screen: &'a str, start: &str) -> &'a str {
    let found = screen.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line begins with {start}:\n{screen}"))
}

#[test]
fn no_line_is_longer_than_the_terminal() {
    let mut long = results();
    long.rows[3].row = "a-row-of-a-user-whose-name-is-much-longer-than-any-of-ours".into();
    long.rows[0].reason = Some("x".repeat(300));
    for results in [results(), swept(), with_a_stand_in(), long] {
        for width in [0, 40, 60, 80, 99, 100, 250] {
            let screen = table(&results, width, &ARTEFACTS);
            let most = width.clamp(40, 100);
            for line in screen.lines() {
                let columns = textwrap::core::display_width(line);
                assert!(columns <= most, "{columns} of {most}: {line}");
            }
        }
    }
}

#[test]
fn rows_stand_by_p50_and_skipped_ones_last() {
    let screen = screen(&results());
    let at = |name: &str| screen.find(&format!("\n{name}")).unwrap();
    let order = ["ec2", "lambda-rust", "lambda-cpp", "lambda-js", "lambda-python", "kubernetes"];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{screen}");
}

#[test]
fn a_row_that_failed_stands_between_measured_and_skipped_ones() {
    let mut results = results();
    let ec2 = results.rows.iter_mut().find(|row| row.row == "ec2").unwrap();
    ec2.state = RowState::Invalid;
    ec2.reason = Some("it did not start".into());
    (ec2.latency, ec2.cold, ec2.ceiling, ec2.money) = (None, None, None, None);
    let screen = screen(&results);
    let at = |start: &str| screen.find(&format!("\n{start}")).unwrap();
    assert!(at("lambda-python") < at("ec2") && at("ec2") < at("kubernetes"), "{screen}");
    assert!(line(&screen, "ec2").ends_with("rust   INVALID: it did not start"));
}

#[test]
fn a_line_holds_every_figure_of_its_row() {
    let screen = screen(&results());
    let words = |start| line(&screen, start).split_whitespace().collect::<Vec<_>>();
    let ec2 = ["ec2", "rust", "1.4", "0.3", "1.1", "2.6", "38.4", "s", "d", "940", "credits¹"];
    assert_eq!(words("ec2 ")[..11], ec2);
    assert_eq!(words("ec2 ")[11..], ["14.21", "0.03"]);
    assert!(words("lambda-python").contains(&"n<200"));
    assert_eq!(
        line(&screen, "kubernetes"),
        "kubernetes             rust   skipped: only on request → --rows kubernetes (context: none)"
    );
}

#[test]
fn what_is_invalid_stands_in_brackets_with_its_reason() {
    let screen = screen(&results());
    let js = line(&screen, "lambda-js");
    for figure in ["(24.5)", "(9.6)", "(14.9)", "(51.3)", "(653 ms m)", "(1,000 item)²", "(2.18)"]
    {
        assert!(js.contains(figure), "{figure} in {js}");
    }
    assert!(line(&screen, "  INVALID: latency: schedule missed > 1 %").contains("14 of 200"));
    assert!(!line(&screen, "ec2").contains('('));
}

#[test]
fn an_unshaped_row_has_brackets_and_no_money() {
    let mut results = results();
    let ec2 = results.rows.iter_mut().find(|row| row.row == "ec2").unwrap();
    ec2.state = RowState::Unshaped;
    ec2.reason = Some("no cgroup".into());
    (ec2.money, ec2.ceiling) = (None, None);
    let screen = screen(&results);
    assert!(line(&screen, "ec2").ends_with("(38.4 s d)"), "{}", line(&screen, "ec2"));
    assert_eq!(line(&screen, "  unshaped"), "  unshaped: no cgroup");
}

#[test]
fn a_missing_price_is_an_empty_cell_and_a_line_that_names_it() {
    let screen = screen(&results());
    assert!(line(&screen, "lambda-cpp").ends_with("0.00       ³"), "{screen}");
    assert!(
        line(&screen, "³")
            .starts_with("³ no price for instance x9.huge in eu-west-2 → gearshift price refresh")
    );
}

#[test]
fn the_header_says_where_for_whom_and_with_which_prices() {
    let screen = screen(&results());
    let head: Vec<&str> = screen.lines().take(3).collect();
    assert_eq!(
        head,
        [
            "run 7f3a · 5 m 41 s · twin on Linux 6.8, 4 cores, cgroup v2: shaped",
            "core = 2.3 × Lambda x86 vCPU (1.8-2.6) = 2.2 × t2 vCPU (1.7-2.5), matched · seed 42",
            "hits · caller in the region (1 ms away) · eu-west-2, prices of 2026-09-29 · 200 calls a row",
        ]
    );
}

#[test]
fn a_core_that_is_not_known_is_said_so() {
    let mut results = results();
    for core in &mut results.cores {
        core.known = false;
        core.sentence = "core speed vs AWS: unknown (--match-vcpu off)".into();
    }
    results.physics = false;
    let screen = screen(&results);
    assert_eq!(screen.matches("core speed vs AWS: unknown").count(), 1);
    assert!(!screen.contains("matched") && screen.contains("physics off: the bare machine"));
    assert!(line(&screen, "declared").contains("no law was in force"));
}

#[test]
fn sums_of_the_counter_leave_out_rows_where_it_does_not_hold() {
    let mut results = results();
    assert!(
        line(&screen(&results), "counter").contains("holds on 5 of 5: 1,880 acknowledged ≤ 1,890")
    );
    let python = results.rows.iter_mut().find(|row| row.row.contains("python")).unwrap();
    let counter = python.counter.as_mut().unwrap();
    counter.holds = false;
    counter.reasons = vec!["value 7 was returned twice".into()];
    let screen = screen(&results);
    assert!(line(&screen, "counter").contains("holds on 4 of 5: 1,470 acknowledged ≤ 1,478"));
    assert!(screen.contains("does not hold on lambda-python-dynamodb: value 7 was returned twice"));
}

#[test]
fn cheapest_names_where_it_changes() {
    let mut results = results();
    let start = "cheapest  below 6.7 M calls/month (2.6/s) lambda-rust-dynamodb, above it ec2";
    assert!(line(&screen(&results), "cheapest").starts_with(start));
    results.winners.as_mut().unwrap().segments.truncate(1);
    assert!(line(&screen(&results), "cheapest").contains("lambda-rust-dynamodb at every volume"));
    results.winners = None;
    assert_eq!(line(&screen(&results), "cheapest"), "cheapest  nothing could be priced");
}

#[test]
fn the_cheapest_rows_say_why_and_months_say_what_they_are_made_of() {
    let screen = screen(&results()).split_whitespace().collect::<Vec<_>>().join(" ");
    let why = "lambda-rust-dynamodb costs nothing that stands and 2.";
    assert!(screen.contains(why), "{screen}");
    assert!(screen.contains("ec2 stands for 14.21 a month and"), "{screen}");
    let month = "14.21 = instance t2.micro 9.64 + public IPv4 3.65 + volume gp2 0.93";
    assert!(screen.contains(month), "{screen}");
}

#[test]
fn a_rate_of_its_own_is_noted() {
    let mut results = results();
    let python = results.rows.iter_mut().find(|row| row.row.contains("python")).unwrap();
    python.latency.as_mut().unwrap().rate_per_s = 4.13;
    let screen = screen(&results);
    assert!(screen.contains("latency at 10/s, ms"));
    assert!(line(&screen, "lambda-python").contains("27.4⁴"), "{screen}");
    assert!(line(&screen, "⁴").starts_with("⁴ at 4.13/s: at 10/s one environment"), "{screen}");
}

#[test]
fn the_last_line_says_what_was_written() {
    let screen = screen(&results());
    assert_eq!(
        screen.lines().last(),
        Some("report    .gearshift/runs/7f3a/report.html     next: gearshift up ec2")
    );
    assert!(line(&screen, "checks").ends_with("twin adds 96 µs · drift 1.2 % · steal 0.3 %"));
    // 26 published for the function and 13 for ec2; ours from the rows of this test.
    assert!(screen.contains("lambda-rust-dynamodb +13 (+"), "{screen}");
}

#[test]
fn what_services_say_cannot_steer_the_terminal() {
    let mut results = results();
    results.rows[0].reason = Some("a\u{1b}[31mb\nc".into());
    let screen = screen(&results);
    assert!(!screen.contains('\u{1b}'));
    assert!(line(&screen, "kubernetes").contains("skipped: a [31mb c"));
}

#[test]
fn the_markdown_holds_bills_parts_laws_and_origins() {
    let text = markdown(&results());
    for wanted in [
        "| ec2 | compute | instance t2.micro |",
        "| lambda-rust-dynamodb | store | table write |",
        "| lambda-rust-dynamodb | lambda.cold\\_env | accounted | 88.0 |",
        "| lambda-js-dynamodb | js | INVALID",
        "| `ddb.update_add` |",
        "more computed from such): run 7f3a, n=200",
        "- **declared** (",
        "- **assumed** (",
        "gearshift compare --rows lambda-python-dynamodb,lambda-js-dynamodb,ec2,",
        "\\<script>",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains(EVIL) && !text.contains("NaN") && !text.contains("inf "));
    for (before, after) in text.lines().zip(text.lines().skip(1)) {
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        if before.starts_with('|') && after.starts_with('|') {
            assert_eq!(columns(before), columns(after), "{before}\n{after}");
        }
    }
}

#[test]
fn the_readme_keeps_everything_outside_the_markers() {
    let table = readme_table(&results());
    assert!(
        table.contains("</sub> | rust | 1.4 | 0.3 + 1.1 | 2.6 | 38.4 s d | 940 credits | 14.21 |")
    );
    assert!(table.contains("lambda-js-dynamodb (INVALID)") && !table.contains("kubernetes"));
    let readme = format!("# A\n{BEGIN}\nold\n{END}\n## B\n");
    let replaced = replace_between(&readme, &table).unwrap();
    assert_eq!(replaced, format!("# A\n{BEGIN}\n{}\n{END}\n## B\n", table.trim_end()));
    assert_eq!(replace_between(&replaced, &table).unwrap(), replaced);
}

#[test]
fn a_readme_without_a_clear_place_is_refused() {
    let error = |readme: &str| replace_between(readme, "t").unwrap_err();
    assert!(matches!(error("none"), ReportError::NoMarker { marker: BEGIN, .. }));
    assert!(matches!(error(BEGIN), ReportError::NoMarker { marker: END, .. }));
    let twice = format!("{BEGIN}{END}{END}");
    assert!(matches!(error(&twice), ReportError::TwoMarkers { marker: END }));
    assert!(matches!(error(&format!("{END}{BEGIN}")), ReportError::WrongOrder { .. }));
}

#[test]
fn a_diff_shows_settings_ratios_and_what_is_gone() {
    let (before, mut after) = (results(), results());
    after.seed = 7;
    let ec2 = after.rows.iter_mut().find(|row| row.row == "ec2").unwrap();
    ec2.latency.as_mut().unwrap().p50_ms.value *= 2.0;
    ec2.latency.as_mut().unwrap().p50_ms.range = Some((2.7, 2.9));
    after.rows.retain(|row| row.row != "lambda-cpp-dynamodb");
    let text = diff_table(&diff(&before, &after));
    assert!(text.contains("seed: 42 → 7"), "{text}");
    let p50 = line(&text, "ec2");
    assert!(p50.contains("2.00") && p50.ends_with("changed"), "{p50}");
    assert!(line(&text, "lambda-cpp").ends_with("gone"), "{text}");
    assert!(line(&text, "lambda-rust").ends_with("intervals overlap"), "{text}");
    assert!(text.lines().all(|line| textwrap::core::display_width(line) <= 100));
}

#[test]
fn a_price_that_could_not_be_fetched_anew_is_named() {
    let mut results = common::results();
    let money = results.rows.iter_mut().find_map(|row| row.money.as_mut()).expect("a bill");
    let line = money.bill.lines.first_mut().expect("a line");
    let Priced::Known { price, .. } = &mut line.priced else { panic!("{line:?}") };
    price.stale_since = Some("2026-11-01".parse().unwrap());
    let stale = format!("1 of 8 are stale, could not be fetched anew: {}", price.dimension);
    let text = table(&results, 200, &ARTEFACTS);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&stale), "{stale}: {text}");
}

#[test]
fn a_year_of_shifting_is_told_in_the_table_the_page_and_the_markdown() {
    let results = common::results();
    let volumes = &results.shifting.as_ref().unwrap().volumes;
    // On functions: 30 M × (1.16 + 0.20 + 60 ms × 0.5 GB × 16.6667) $/M = 55.8.
    let (small, large) = (&volumes[0], &volumes[1]);
    assert_eq!(large.function.billed.usd.round_dp(1).to_string(), "55.8");
    assert!(small.saved_per_year().is_zero() && large.saved_per_year() > 100.into());
    let saved = format!("${:.2}", large.saved_per_year().round_dp(2));
    let between = "office hours between lambda-rust-dynamodb and fargate";
    for text in [table(&results, 100, &ARTEFACTS), markdown(&results), html(&results).unwrap()] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&saved), "{saved}: {text}");
    }
    let said = table(&results, 200, &ARTEFACTS);
    assert!(said.contains(between), "{said}");
    assert!(markdown(&results).contains("## A year of shifting"));
}

#[test]
fn the_schema_in_the_tree_is_the_current_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/results.schema.json");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let kept = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
    assert!(
        kept == json_schema(),
        "results have changed their shape: write the schema again with\n  cargo run -p \
         gearshift-report --example schema > crates/report/schema/results.schema.json\nand raise \
         the number in SCHEMA if a field has changed its meaning or gone"
    );
}

#[test]
fn what_is_written_as_json_is_read_back() {
    let results = results();
    let text = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
}

#[test]
fn a_sweep_over_memory_names_its_cheapest_and_its_fastest_point() {
    let screen = screen(&swept());
    let lines: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("memory ")).collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[0]).join(" "), "memory MB p50, ms billed, ms $ per M");
    assert_eq!(words(lines[1]), ["lambda-python-dynamodb", "128", "130.0", "121.0", "8.12"]);
    assert_eq!(words(lines[2]), ["256", "71.0", "62.0", "7.90", "cheapest"]);
    assert_eq!(words(lines[3]), ["1769", "19.5", "10.5", "10.42", "fastest"]);
    assert!(lines[4].contains("(5.0") && lines[4].contains("INVALID: latency"), "{}", lines[4]);
    let markdown = markdown(&swept());
    assert!(markdown.contains("## Over memory") && markdown.contains("| 7.90 | cheapest |"));
}

#[test]
fn a_runtime_client_that_is_not_the_providers_own_is_marked_with_why() {
    let results = with_a_stand_in();
    let screen = screen(&results);
    let mark = line(&screen, "lambda-js-dynamodb").chars().nth("lambda-js-dynamodb".len());
    let mark = mark.filter(|mark| *mark != ' ').expect("a mark behind the name");
    assert!(line(&screen, "lambda-python-dynamodb ").contains("python"), "{screen}");
    let why =
        "gearshift bootstrap.mjs 4.2.2 on CPython 3.11.2 (aws-lambda-ric is compiled where it";
    assert!(line(&screen, &mark.to_string()).contains(why), "{screen}");
    assert!(line(&screen, "runtimes").contains("awslambdaric 4.2.2 on CPython 3.11.2"));
    assert!(markdown(&results).contains("bootstrap.mjs 4.2.2"));
}

#[test]
fn the_preset_of_2021_shows_which_figures_it_reproduces() {
    let shown = preset(gearshift_price::seed_2021());
    assert!(shown.contains("9 of 11 figures exactly"), "{shown}");
    let of = |row: &str| line(&shown, row).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(of("lambda-python-s3"), "lambda-python-s3 M calls 7.16 7.16 exact");
    assert_eq!(of("lambda-js-dynamodb"), "lambda-js-dynamodb M calls 3.39 3.43 DIFFERS");
    assert_eq!(of("lambda-rust-dynamodb"), "lambda-rust-dynamodb M calls 3.09 3.10 DIFFERS");
    assert!(shown.contains("32.27"), "{shown}");
}
