//! It holds when "a results file of the version before still opens in `diff`, `price` and `plan
//! --service`": `docs/results.json` was written before rows had sides, pools and gaps.

mod common;

use common::Folder;
use serde_json::Value;

const OLDER: &str = include_str!("../../../docs/results.json");

/// The folder in which that run lies, with the rows on request beside the usual ones, and its id.
fn with_an_older_run() -> (Folder, String) {
    let mut older: Value = serde_json::from_str(OLDER).expect("JSON");
    assert!(older["rows"][0].get("gaps").is_none(), "this file is to be of an older version");
    let run = older["run"].as_str().expect("a run").to_owned();
    let rows = older["rows"].as_array_mut().expect("rows");
    for (like, name) in
        [("fargate", "fargate-direct"), ("fargate", "ecs-ec2"), ("lambda-rust-dynamodb", "lambda")]
    {
        let mut row = rows.iter().find(|row| row["row"] == like).expect("a row").clone();
        row["row"] = name.into();
        rows.push(row);
    }
    assert_eq!(rows.len(), 12);
    let folder = Folder::new();
    let place = folder.path().join(".gearshift/runs").join(&run);
    std::fs::create_dir_all(&place).expect("a folder");
    std::fs::write(place.join("results.json"), older.to_string()).expect("room");
    (folder, run)
}

#[test]
fn results_of_the_version_before_still_open() {
    let (folder, run) = with_an_older_run();
    let diff = folder.text(&["diff", &run, &run]);
    let price = folder.text(&["price", "--service", &run, "--calls", "5M"]);
    let counts = (0..48).map(|hour| format!("{},{}", hour * 3600, 3600)).collect::<Vec<_>>();
    let trace = format!("time,count\n{}\n", counts.join("\n"));
    std::fs::write(folder.path().join("trace.csv"), trace).expect("room");
    let plan = folder.text(&["plan", "trace.csv", "--no-page", "--service", &run]);
    for (said, what) in [(diff, "ecs-ec2"), (price, "ecs-ec2"), (plan, "flex")] {
        assert!(said.contains(what), "no {what} in {said}");
    }
}
