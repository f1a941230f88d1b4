//! `gearshift plan` and `gearshift price` as a user runs them.

use std::process::{Command, Output};

fn gearshift(arguments: &[&str], folder: &std::path::Path) -> Output {
    let program = env!("CARGO_BIN_EXE_gearshift");
    Command::new(program).args(arguments).current_dir(folder).output().expect("it starts")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Two weeks of counts: quiet nights, busy days.
fn counts(level: f64) -> String {
    let minute = |at: usize| {
        let day = 1.0 - (at as f64 / 1440.0 * std::f64::consts::TAU).cos();
        format!("{},{}\n", 1_700_000_040 + at * 60, (day * level * 60.0) as u64)
    };
    format!("unix_seconds,requests\n{}", (0..14 * 1440).map(minute).collect::<String>())
}

#[test]
fn a_plan_says_what_to_do_and_from_how_much_traffic_on_shifting_pays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("busy.csv"), counts(20.0)).unwrap();
    std::fs::write(folder.path().join("quiet.csv"), counts(0.5)).unwrap();

    let busy = gearshift(&["plan", "busy.csv", "--shift-price", "0"], folder.path());
    let text = said(&busy);
    assert!(busy.status.success(), "{text}");
    assert!(text.contains("verdict     shift (flex): saves $"), "{text}");
    let from = text.split("It pays from ").nth(1).expect("from where on");
    let from: f64 = from.split(' ').next().unwrap().parse().unwrap();
    assert!((0.125..1.0).contains(&from), "{text}");
    let scale = (from * 0.8).to_string();
    let less = ["plan", "busy.csv", "--no-page", "--shift-price", "0", "--scale", &scale];
    let less = said(&gearshift(&less, folder.path()));
    assert!(less.contains("stay on functions"), "{less}");
    let page = text.lines().find_map(|line| line.strip_prefix("timeline    ")).expect("a page");
    let page = std::fs::read_to_string(folder.path().join(page)).unwrap();
    assert!(page.contains("move to the load balancer"), "decisions are explained");

    let quiet = said(&gearshift(&["plan", "quiet.csv", "--no-page"], folder.path()));
    assert!(quiet.contains("stay on functions: shifting saves $0.00 a month"), "{quiet}");
    let times = quiet.split("It starts to pay at ").nth(1).expect("from where on");
    let times: f64 = times.split(' ').next().unwrap().parse().unwrap();
    let scale = (times * 1.2).to_string();
    let scaled = gearshift(&["plan", "quiet.csv", "--no-page", "--scale", &scale], folder.path());
    assert!(said(&scaled).contains("shift (flex)"), "{}", said(&scaled));
}

#[test]
fn the_plan_as_json_bills_what_the_replay_cost() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), counts(20.0)).unwrap();
    let output = gearshift(&["plan", "t.csv", "--json", "--no-page"], folder.path());
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan["schema"], "gearshift.plan/1");
    let lines = plan["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 8);
    assert!(lines[0]["policy"].is_null());
    // Billed anew in decimals, a month of what the timeline adds up in integers.
    let point = plan["timeline"].as_array().unwrap().last().unwrap();
    let flex = lines.iter().find(|line| line["policy"] == "flex").unwrap();
    let billed: f64 = flex["billed"]["usd"].as_str().unwrap().parse().unwrap();
    let days = plan["facts"]["days"].as_f64().unwrap();
    let replayed = point["flex_usd"].as_f64().unwrap() / days * 730.0 / 24.0;
    assert!((billed / replayed - 1.0).abs() < 1e-4, "{billed} {replayed}");
}

#[test]
fn bad_input_to_plan_and_price_names_it_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), "hello\n").unwrap();
    std::fs::write(folder.path().join("ok.csv"), counts(1.0)).unwrap();
    for (arguments, says) in [
        (&["plan", "missing.csv"][..], "missing.csv"),
        (&["plan", "t.csv"], "--format"),
        (&["plan", "ok.csv", "--scale", "0"], "--scale 0"),
        (&["plan", "ok.csv", "--time-zone", "Moon/Base"], "Moon/Base"),
        (&["plan", "ok.csv", "--region", "mars-1"], "mars-1"),
        (&["plan", "ok.csv", "--service", "nowhere"], "nowhere"),
        (&["plan", "ok.csv", "--task-rate", "0"], "above zero"),
        (&["price", "--calls", "many"], "--calls many"),
        (&["price", "--calls", "-5"], "--calls -5"),
        (&["price", "--calls", "9000000M"], "1000000000000"),
        (&["compare", "--shape", "sometimes"], "--shape sometimes"),
        (&["compare", "--shape", "t.csv"], "t.csv"),
        (&["price", "--calls", "5M"], "no run in this folder"),
        (&["price", "--calls", "5M", "--service", "nowhere"], "nowhere"),
    ] {
        let output = gearshift(arguments, folder.path());
        let text = said(&output);
        assert!(
            !output.status.success() && text.contains(says) && text.contains('→'),
            "{arguments:?}: {text}"
        );
    }
}

fn results() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.json").to_owned()
}

#[test]
fn price_gives_one_table_over_all_rows_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let results = results();
        let arguments = [&["price", "--calls", "5M", "--service", &results], more].concat();
        let output = gearshift(&arguments, folder.path());
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let text = run(&["--shape", "office"]);
    assert!(text.starts_with("5,000,000 calls a month, office hours: "), "{text}");
    assert!(text.contains("peak 10.04/s"), "{text}");
    // 730 h × 0.0132 + 8 GB × 0.116 + 730 h × 0.005 (aws.amazon.com/ec2/pricing): 14.21.
    let ec2 = text.lines().find(|line| line.starts_with("ec2 ")).expect("a line");
    assert!(ec2.contains("14.21") && ec2.contains(" 1 "), "{ec2}");
    assert!(text.contains("against ec2"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("flex ")), "{text}");
    assert!(
        text.contains("$100 ┤") && text.contains("calls\n"),
        "a plot of cost over calls: {text}"
    );
    // Twice the memory is twice the GB-seconds; 1,000,000 calls and 400,000 GB-s are free.
    let json = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(&[&["--json"], more].concat())).expect("JSON")
    };
    let month = |quote: &serde_json::Value| -> f64 {
        let lines = quote["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["row"] == "lambda-rust-dynamodb").unwrap();
        line["sums"]["month"].as_str().unwrap().parse().unwrap()
    };
    let (short, long) = (
        json(&["--what-if", "memory=512,duration=20ms"]),
        json(&["--what-if", "memory=1024,duration=20ms"]),
    );
    // 5 M × 0.01 GB-s × $0.0000166667.
    assert!((month(&long) - month(&short) - 0.833_335).abs() < 1e-6);
    let free = json(&["--what-if", "memory=512,duration=20ms", "--free-tier"]);
    // 1 M × $0.0000002 + 50,000 GB-s (all of them) × $0.0000166667, the logs of
    // 5 M calls (243 bytes each, 1.2 GB of the free 5) × $0.5985, and what initialisation took.
    let saved = month(&short) - month(&free);
    assert!((1.760..1.8).contains(&saved), "{saved}");
}

/// What second-hand prices, durations and capacities leave open.
#[test]
fn bills_and_break_evens_have_an_interval() {
    let folder = tempfile::tempdir().unwrap();
    let results = results();
    let output =
        gearshift(&["price", "--calls", "5M", "--json", "--service", &results], folder.path());
    let quote: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let usd = |value: &serde_json::Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let line = quote["lines"].as_array().unwrap().iter();
    let line = line.clone().find(|line| line["row"] == "lambda-rust-dynamodb").unwrap();
    let sums = &line["sums"];
    let (low, month, high) = (usd(&sums["low"]), usd(&sums["month"]), usd(&sums["high"]));
    assert!(low < month && month < high, "{sums}");
    // The table's prices are second-hand here, and most of what is open.
    let groups = line["groups"].as_array().unwrap();
    let store = usd(&groups.iter().find(|group| group[0] == "store").unwrap()[1]);
    let open = (high - month) / store;
    assert!((0.06..0.1).contains(&open), "{open}: {sums}");
    let evens = quote["break_evens"].as_array().unwrap();
    let both = |even: &&serde_json::Value| {
        let of = |name: &str| even["a"] == name || even["b"] == name;
        of("ec2") && of("lambda-rust-dynamodb")
    };
    let even = evens.iter().find(both);
    let calls = &even.expect("a pair")["break_even"]["at"]["calls_per_month"];
    let (low, high) = (usd(&calls["range"][0]), usd(&calls["range"][1]));
    assert!(low < usd(&calls["value"]) && usd(&calls["value"]) < high, "{calls}");
}

/// A row's break-evens, bills and winners are for the traffic that was asked about.
#[test]
fn break_evens_follow_the_shape_and_the_free_tier() {
    let folder = tempfile::tempdir().unwrap();
    // One busy minute a day, more than a thousand times the mean.
    let minute =
        |at: usize| format!("{},{}\n", 1_700_000_040 + at * 60, 1 + at % 1440 / 1439 * 9000);
    let counts: String = (0..7 * 1440).map(minute).collect();
    std::fs::write(folder.path().join("t.csv"), format!("unix_seconds,requests\n{counts}"))
        .unwrap();
    let even = |more: &[&str]| {
        let results = results();
        let arguments =
            [&["price", "--calls", "5M", "--json", "--service", &results], more].concat();
        let output = gearshift(&arguments, folder.path());
        let quote: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let of = |even: &serde_json::Value, name: &str| even["a"] == name || even["b"] == name;
        let pair = quote["break_evens"].as_array().unwrap().iter();
        let mut pair =
            pair.filter(|even| of(even, "ec2-fastapi") && of(even, "lambda-rust-dynamodb"));
        pair.next().expect("a pair")["break_even"].clone()
    };
    let calls = |even: serde_json::Value| -> f64 {
        even["at"]["calls_per_month"]["value"].as_str().expect("a volume").parse().unwrap()
    };
    let (steady, free) = (calls(even(&[])), calls(even(&["--free-tier"])));
    // 0.20 for requests, up to 6.67 for duration, and logs are free: some 0.3 M calls more.
    assert!((1.03..1.2).contains(&(free / steady)), "{steady} {free}");
    // Each million calls needs another instance for its busy minute.
    let peaky = even(&["--shape", "t.csv"]);
    assert!(peaky["always"].is_object(), "{peaky}");
}

#[test]
fn a_ceiling_that_money_does_not_lift_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["price", "--calls", "2000/s", "--service", &results()];
    let text = said(&gearshift(&arguments, folder.path()));
    let says = "lambda-rust-dynamodb: takes 1,000/s (item), the busiest minute has 2,000/s";
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_missing_price_empties_its_cell_and_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["price", "--calls", "5M", "--region", "ap-southeast-1", "--service", &results()];
    let text = said(&gearshift(&arguments, folder.path()));
    let line = text.lines().find(|line| line.starts_with("lambda-rust-dynamodb ")).expect("a line");
    // HTTP API: 5 M at 1.25 a million; the table's price is missing, and so is the sum.
    assert!(line.contains(" 6.25 ") && line.ends_with("no price"), "{text}");
    assert!(
        text.contains("no price for table write in ap-southeast-1 → gearshift price"),
        "{text}"
    );
    assert!(text.contains("without a price, and left out: lambda-"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_costs_the_page_and_not_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), counts(5.0)).unwrap();
    std::fs::write(folder.path().join(".gearshift"), "not a folder").unwrap();
    let output = gearshift(&["plan", "t.csv"], folder.path());
    let text = said(&output);
    assert!(!output.status.success() && text.contains("verdict  "), "{text}");
    assert!(text.contains("--no-page"), "{text}");
}

#[test]
fn plans_fit_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), counts(5.0)).unwrap();
    for arguments in [
        &["plan", "t.csv", "--no-page"][..],
        &["price", "--calls", "20M", "--shape", "office", "--service", &results()],
    ] {
        let text = said(&gearshift(arguments, folder.path()));
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

#[test]
fn plan_takes_durations_and_capacity_from_a_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), counts(5.0)).unwrap();
    let arguments =
        ["plan", "t.csv", "--no-page", "--service", &results(), "--region", "eu-west-2"];
    let text = said(&gearshift(&arguments, folder.path()));
    let run: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(results()).unwrap()).unwrap();
    let source = format!("run {}: lambda-", run["run"].as_str().unwrap());
    assert!(text.contains(&source), "{text}");
}
