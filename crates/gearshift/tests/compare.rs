//! The main job as a user runs it, in a folder outside the checkout.

mod common;

use gearshift_testing::needs;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use common::Folder;
use gearshift_gear::{Dimension, Origin};
use gearshift_results::{Results, RowState, SCHEMA};
use gearshift_sandbox::marked_processes;

/// Every row that is compared unless others are named: servers, functions, tasks.
const ROWS: [&str; 9] = [
    "ec2",
    "lambda-rust-dynamodb",
    "lambda-cpp-dynamodb",
    "lambda-js-dynamodb",
    "lambda-python-dynamodb",
    "lambda-python-s3",
    "fargate",
    "ec2-fastapi",
    "fargate-fastapi",
];

/// One run that several tests look at.
struct Ran {
    folder: Folder,
    code: i32,
    screen: String,
    results: Results,
    json: String,
    /// What ran in functions' environments meanwhile, as the process table had it.
    functions: BTreeSet<Seen>,
}

/// A process of a function's environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    run: String,
    row: String,
    command: Vec<String>,
    /// Whether its program holds aws-lambda-cpp, by the name it gives the Runtime API.
    aws_lambda_cpp: bool,
}

static RAN: LazyLock<Ran> = LazyLock::new(|| {
    let folder = Folder::new();
    let mut compare = folder.gearshift(&["compare", "--quick", "--calls", "40"]);
    let compare = compare.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let (ended, watched) = mpsc::channel();
    let watcher = thread::spawn(move || watch(&watched));
    let output = compare.wait_with_output().expect("it ends");
    drop(ended);
    let functions = watcher.join().expect("the watcher ends");
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().expect("an exit code");
    // A machine too noisy to trust says so with 3; what it found is complete all the same.
    assert!(code == 0 || code == 3, "exit code {code}: {said}");
    let runs = folder.path().join(".gearshift/runs");
    let run = std::fs::read_dir(&runs).unwrap().next().expect("a run").unwrap().path();
    let json = std::fs::read_to_string(run.join("results.json")).unwrap();
    for file in ["report.md", "report.html"] {
        assert!(run.join(file).metadata().unwrap().len() > 1000, "{file}");
    }
    let results = serde_json::from_str(&json).expect("results.json is of its schema");
    let screen = String::from_utf8(output.stdout).unwrap();
    Ran { folder, code, screen, results, json, functions }
});

/// Looks at the process table until told to end.
fn watch(ended: &mpsc::Receiver<()>) -> BTreeSet<Seen> {
    let mut seen = BTreeSet::new();
    while matches!(ended.try_recv(), Err(mpsc::TryRecvError::Empty)) {
        for process in marked_processes() {
            let Some((row, _)) = process.member.split_once(".fn-") else { continue };
            let command =
                std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            let command: Vec<String> = command.split_terminator('\0').map(str::to_owned).collect();
            let (run, row) = (process.run.to_string(), row.to_owned());
            let known = seen
                .iter()
                .any(|seen: &Seen| (&seen.run, &seen.row, &seen.command) == (&run, &row, &command));
            if !known && !command.is_empty() {
                let program =
                    std::fs::read(format!("/proc/{}/exe", process.pid)).unwrap_or_default();
                let aws_lambda_cpp = program.windows(14).any(|bytes| bytes == b"AWS_Lambda_Cpp");
                seen.insert(Seen { run, row, command, aws_lambda_cpp });
            }
        }
        thread::sleep(Duration::from_millis(25));
    }
    seen
}

/// What a row's environments ran.
fn ran_for(row: &str) -> Vec<&'static Seen> {
    let run = RAN.results.run.as_str();
    RAN.functions.iter().filter(|seen| seen.run == run && seen.row == row).collect()
}

#[test]
fn each_language_runs_on_its_official_runtime_client_and_none_is_left_out() {
    needs!("pip", "node", "npm", "c++");
    let runs = |row: &str, what: &dyn Fn(&Seen) -> bool| {
        let seen = ran_for(row);
        assert!(seen.iter().any(|seen| what(seen)), "{row}: {seen:?}");
    };
    let has = |words: &'static [&'static str]| {
        move |seen: &Seen| {
            words.iter().all(|word| seen.command.iter().any(|part| part.ends_with(word)))
        }
    };
    runs("lambda-python-dynamodb", &has(&["awslambdaric", "app.handler"]));
    runs("lambda-python-s3", &has(&["awslambdaric", "app.handler"]));
    runs("lambda-js-dynamodb", &has(&["/aws-lambda-ric/index.mjs", "app.handler"]));
    runs("lambda-cpp-dynamodb", &|seen| seen.command.len() == 1 && seen.aws_lambda_cpp);
    runs("lambda-rust-dynamodb", &has(&["/function-rust"]));

    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let locked = |file: &str, before: &str| {
        let lock = std::fs::read_to_string(workspace.join(file)).expect("a lock file");
        let after = lock.split_once(before).unwrap_or_else(|| panic!("{before} in {file}")).1;
        let version: String =
            after.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        assert!(version.split('.').count() == 3, "{before}{version}");
        version
    };
    let python = locked("services/functions/python/requirements.txt", "awslambdaric==");
    let ric = "node_modules/aws-lambda-ric\": {\n      \"version\": \"";
    let js = locked("services/functions/javascript/package-lock.json", ric);
    let rust = locked("Cargo.lock", "name = \"lambda_runtime\"\nversion = \"");
    for (row, name, version) in [
        ("lambda-python-dynamodb", "awslambdaric", Some(&python)),
        ("lambda-python-s3", "awslambdaric", Some(&python)),
        ("lambda-js-dynamodb", "aws-lambda-ric", Some(&js)),
        ("lambda-cpp-dynamodb", "aws-lambda-cpp", None),
        ("lambda-rust-dynamodb", "lambda_runtime", Some(&rust)),
    ] {
        let result = RAN.results.rows.iter().find(|result| result.row == row).expect(row);
        let runtime = result.runtime.as_ref().unwrap_or_else(|| panic!("{row}: {result:?}"));
        assert!(runtime.official && runtime.note.is_none(), "{row}: {runtime:?}");
        assert_eq!(runtime.name, name);
        assert!(version.is_none_or(|version| *version == runtime.version), "{row}: {runtime:?}");
        assert!(!runtime.version.is_empty() && !runtime.on.is_empty(), "{runtime:?}");
        assert!(RAN.screen.contains(name), "{name} is not on the screen");
    }
    let ec2 = RAN.results.rows.iter().find(|result| result.row == "ec2").expect("ec2");
    assert_eq!(ec2.runtime, None);
}

#[test]
fn cold_starts_come_in_the_order_of_their_languages() {
    needs!("pip", "node", "npm", "c++");
    let here_ms = |row: &str| {
        let result = RAN.results.rows.iter().find(|result| result.row == row).expect(row);
        let parts = &result.cold.as_ref().expect("cold starts").parts;
        let of = |name: &str| parts.iter().find(|part| part.name == name).expect("a part");
        assert!([of("start"), of("init")].iter().all(|part| part.kind == "measured"), "{parts:?}");
        of("start").ms + of("init").ms
    };
    let compiled = here_ms("lambda-rust-dynamodb").max(here_ms("lambda-cpp-dynamodb"));
    let with_runtime = here_ms("lambda-js-dynamodb").min(here_ms("lambda-python-dynamodb"));
    assert!(compiled * 3.0 < with_runtime, "{compiled} ms against {with_runtime} ms");
}

#[test]
fn the_object_store_s_requests_are_metered_and_billed_with_every_lost_swap() {
    needs!("pip", "node", "npm", "c++");
    let result = RAN.results.rows.iter().find(|row| row.row == "lambda-python-s3").expect("it ran");
    let quantity = |dimension| {
        let line = result.usage.iter().find(|line| line.dimension == dimension);
        line.unwrap_or_else(|| panic!("{dimension} in {:?}", result.usage)).quantity
    };
    let calls = quantity(Dimension::FunctionRequest);
    assert!(quantity(Dimension::ObjectWriteRequest) >= calls, "{:?}", result.usage);
    assert!(quantity(Dimension::ObjectReadRequest) >= calls, "{:?}", result.usage);
    let bill = &result.money.as_ref().expect("a bill").bill;
    let line = bill.lines.iter().find(|line| line.dimension == Dimension::ObjectWriteRequest);
    assert!(line.is_some_and(|line| line.usd().is_ok()), "{bill:?}");
    let ceiling = result.ceiling.as_ref().expect("a ceiling");
    assert_eq!(ceiling.sustained.set_by, "swap", "{ceiling:?}");
}

#[test]
fn tasks_stand_behind_a_load_balancer_over_files_and_are_billed_so() {
    needs!("pip", "node", "npm", "c++");
    for name in ["fargate", "fargate-fastapi"] {
        let result = RAN.results.rows.iter().find(|row| row.row == name).expect("it ran");
        let parts = &result.latency.as_ref().expect("latency").parts;
        for law in ["alb.added", "alb.to_target", "efs.read", "efs.write", "efs.lock"] {
            let part = parts.iter().find(|part| part.name == law);
            assert!(part.is_some_and(|part| part.ms > 0.0), "{name}: no {law} in {parts:?}");
        }
        let cold = &result.cold.as_ref().expect("cold starts").parts;
        let accounted = ["fargate.placement", "fargate.pull_per_mb", "alb.first_check"];
        for part in accounted.iter().chain(&["start", "init"]) {
            assert!(cold.iter().any(|one| one.name == *part), "{name}: no {part} in {cold:?}");
        }
        let bill = &result.money.as_ref().expect("a bill").bill;
        let paid = |of: &Dimension| bill.lines.iter().any(|line| line.dimension == *of);
        let paid_by = [
            Dimension::LoadBalancerHour,
            Dimension::LoadBalancerCapacityHour,
            Dimension::SpotTaskVcpuHour,
            Dimension::SpotTaskGbHour,
            Dimension::FileGbMonth,
        ];
        assert!(paid_by.iter().all(paid), "{name}: {bill:?}");
        let ceiling = result.ceiling.as_ref().expect("a ceiling");
        assert!(["cpu", "file"].contains(&ceiling.sustained.set_by.as_str()), "{ceiling:?}");
    }
}

#[test]
fn memory_of_every_row_is_counted_against_its_limit() {
    needs!("pip", "node", "npm", "c++");
    for row in &RAN.results.rows {
        let footprint = row.footprint.as_ref().unwrap_or_else(|| panic!("{}: none", row.row));
        let (idle, peak) = (footprint.idle_mb.value, footprint.peak_mb.value);
        let limit = footprint.limit_mb.expect("every gear has one");
        assert!(0.0 < idle && idle <= peak && peak <= limit, "{}: {footprint:?}", row.row);
    }
}

#[test]
fn latency_of_every_row_is_taken_apart_along_its_percentiles() {
    needs!("pip", "node", "npm", "c++");
    for row in &RAN.results.rows {
        let spread = &row.latency.as_ref().expect("latency").spread;
        assert!(spread.len() > 5, "{}: {spread:?}", row.row);
        for point in spread {
            let apart = point.here_ms + point.declared_ms;
            assert!((apart - point.total_ms).abs() < 0.01, "{}: {point:?}", row.row);
        }
    }
}

#[test]
fn compare_measures_prices_and_reports_every_row() {
    needs!("pip", "node", "npm", "c++");
    let ran = &*RAN;
    assert_eq!(ran.results.rows.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), ROWS);
    for row in &ran.results.rows {
        assert!(ran.screen.contains(&row.row), "{} is not on the screen", row.row);
        let counter = row.counter.as_ref().unwrap_or_else(|| panic!("{row:?}"));
        assert!(counter.holds, "{}: {:?}", row.row, counter.reasons);
        assert_eq!(counter.callers, 8);
        let latency = row.latency.as_ref().expect("latency");
        assert_eq!(latency.n, 40, "{}", row.row);
        assert!(latency.p50_ms.value > 0.0);
        let money = row.money.as_ref().expect("a bill: run the tests as root, or see doctor");
        assert_eq!(money.gap, None, "{}", row.row);
    }
    let invalid = ran.results.rows.iter().any(|row| row.state == RowState::Invalid);
    assert_eq!(ran.code, if invalid { 3 } else { 0 });
    assert!(ran.screen.contains("report.html"), "{}", ran.screen);
}

#[test]
fn cold_starts_are_nine_in_new_environments_and_their_parts_add_up() {
    needs!("pip", "node", "npm", "c++");
    for row in &RAN.results.rows {
        let cold = row.cold.as_ref().expect("cold starts");
        assert!(cold.n >= 9, "{}: {}", row.row, cold.n);
        // A busy machine may be late; a warm answer among cold ones may not be.
        let mixed = cold.verdict.reasons.iter().any(|reason| reason.contains("mixed"));
        assert!(!mixed, "{}: {:?}", row.row, cold.verdict.reasons);
        let sum: f64 = cold.parts.iter().map(|part| part.ms).sum();
        let within = cold.min_ms - 0.01..=cold.max_ms + 0.01;
        assert!(within.contains(&sum), "{}: {sum} of {cold:?}", row.row);
        assert!(cold.parts.iter().all(|part| part.ms >= 0.0), "{}: {:?}", row.row, cold.parts);
        let mut steps = vec!["start", "init", "first request"];
        if row.row.starts_with("lambda-") {
            steps.extend(["lambda.cold_env", "lambda.cold_code_per_mb"]);
        }
        for step in steps {
            assert!(cold.parts.iter().any(|part| part.name == step), "{}: {step}", row.row);
        }
    }
}

#[test]
fn the_functions_bill_is_itemised_and_fixed_and_per_call_apart() {
    needs!("pip", "node", "npm", "c++");
    let row = RAN.results.rows.iter().find(|row| row.row == "lambda-rust-dynamodb").unwrap();
    let bill = &row.money.as_ref().unwrap().bill;
    let has = |name: &str| bill.lines.iter().any(|line| line.dimension.to_string() == name);
    for line in ["HTTP API request", "function request", "function duration", "table write"] {
        assert!(has(line), "{line} is missing from {:?}", bill.lines);
    }
    assert!(bill.lines.iter().all(|line| !line.fixed), "a function costs nothing by the month");
    let ec2 = RAN.results.rows.iter().find(|row| row.row == "ec2").unwrap();
    let month = ec2.money.as_ref().unwrap().month_usd.as_ref().unwrap().value;
    // t2.micro 9.636 + 8 GB gp2 0.928 + public IPv4 3.65 in eu-west-2.
    assert_eq!(month.to_string(), "14.2140");
}

#[test]
fn a_year_of_shifting_is_computed_from_what_was_measured() {
    needs!("pip", "node", "npm", "c++");
    let ok = |fits: fn(&str) -> bool| {
        RAN.results.rows.iter().any(|row| row.state == RowState::Ok && fits(&row.row))
    };
    // Nothing is computed from rows that this machine's noise made INVALID.
    if !ok(|row| row == "fargate") || !ok(|row| row.starts_with("lambda-")) {
        eprintln!(
            "SKIPPED: a year of shifting: this machine's noise left no valid function and task"
        );
        assert_eq!(RAN.results.shifting, None);
        return;
    }
    let shifting = RAN.results.shifting.as_ref().expect("a function and a task were measured");
    assert_eq!((shifting.shape.as_str(), shifting.high.as_str()), ("office hours", "fargate"));
    assert!(shifting.source.contains(RAN.results.run.as_str()), "{}", shifting.source);
    assert_eq!(shifting.volumes.len(), 4);
    let (least, most) = (&shifting.volumes[0], &shifting.volumes[3]);
    // Below the break-even functions are the cheaper gear, far above it tasks.
    assert!(least.function.billed.usd < least.tasks.billed.usd, "{least:?}");
    assert!(most.function.billed.usd > most.tasks.billed.usd, "{most:?}");
    assert!(RAN.screen.contains("a year of office hours between lambda-"), "{}", RAN.screen);
}

#[test]
fn results_json_is_versioned_and_every_number_has_an_origin() {
    needs!("pip", "node", "npm", "c++");
    assert_eq!(RAN.results.schema, SCHEMA);
    let run = &RAN.results.run;
    for row in &RAN.results.rows {
        let latency = row.latency.as_ref().unwrap();
        let leaves = latency.p50_ms.origin.leaves();
        assert!(
            leaves.iter().any(
                |leaf| matches!(leaf, Origin::Measured { run: of, n } if of == run && *n == 40)
            ),
            "{leaves:?}"
        );
        let laws = leaves.iter().filter(|leaf| matches!(leaf, Origin::Declared(_))).count();
        assert!(laws >= 1, "{}: a caller in the region is declared", row.row);
    }
    let known = RAN.json.matches("\"value\":").count();
    let origins = RAN.json.matches("\"origin\":").count();
    assert!(origins >= known, "{known} values, {origins} origins");
    for law in &RAN.results.laws {
        assert!(law.source.is_some() || !law.assumed.is_empty(), "{law:?}");
    }
}

#[test]
fn diff_compares_two_runs() {
    needs!("pip", "node", "npm", "c++");
    let ran = &*RAN;
    let run = ran.results.run.as_str();
    let text = ran.folder.text(&["diff", run, run, "--json"]);
    let diff: serde_json::Value = serde_json::from_str(&text).unwrap();
    let changes = diff["changes"].as_array().unwrap();
    assert!(changes.len() >= 8, "{text}");
    for change in changes.iter().filter(|change| !change["ratio"].is_null()) {
        assert_eq!(change["ratio"], 1.0, "{change}");
    }
    let mut other = ran.results.clone();
    other.rows[0].latency.as_mut().unwrap().p50_ms.value *= 2.0;
    let path = ran.folder.path().join("doubled.json");
    std::fs::write(&path, serde_json::to_string(&other).unwrap()).unwrap();
    let text = ran.folder.text(&["diff", run, path.to_str().unwrap(), "--json"]);
    let diff: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = &diff["changes"][0];
    assert_eq!((&first["what"], &first["ratio"]), (&"p50, ms".into(), &2.0.into()));
    let human = ran.folder.text(&["diff", run, path.to_str().unwrap()]);
    assert!(human.contains("p50"), "{human}");
    let unknown = ran.folder.run(&["diff", run, "beef"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains(run), "it lists the runs there are");
}

#[test]
fn nothing_is_left_after_compare() {
    needs!("pip", "node", "npm", "c++");
    let run = RAN.results.run.as_str();
    let text = RAN.folder.text(&["down", run, "--json"]);
    let taken: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(taken[0]["processes"], 0, "{text}");
    assert_eq!(taken[0]["control_groups"], 0, "{text}");
    assert_eq!(taken[0]["left"], 0, "{text}");
}

#[test]
fn cargo_install_gives_a_binary_that_runs_outside_the_checkout() {
    needs!("pip", "node", "npm", "c++");
    let folder = Folder::new();
    let crate_directory = env!("CARGO_MANIFEST_DIR");
    let installed = Command::new(env!("CARGO"))
        .args(["install", "--debug", "--locked", "--force", "--path", crate_directory, "--root"])
        .arg(folder.path())
        // Its own flags, not those of the cargo that runs this test.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let binary = folder.path().join("bin/gearshift");
    let empty = Folder::new();
    let ran = Command::new(&binary)
        .args(["compare", "--quick", "--calls", "20", "--rows", "ec2", "--json"])
        .current_dir(empty.path())
        // A user that never ran it: no cache, no services.
        .env("XDG_CACHE_HOME", empty.path().join("cache"))
        .output()
        .expect("the installed binary starts");
    let code = ran.status.code();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(matches!(code, Some(0 | 3)), "{code:?}: {said}");
    let results: Results = serde_json::from_slice(&ran.stdout).expect("results on standard output");
    assert!(results.rows[0].latency.is_some(), "{:?}", results.rows[0].reason);
    assert!(!Path::new(crate_directory).join(".gearshift").exists());
}
