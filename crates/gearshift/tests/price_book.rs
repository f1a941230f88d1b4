//! `gearshift price refresh` and `diff` against a mirror in a folder.

use std::path::Path;
use std::process::{Command, Output};

fn gearshift(arguments: &[&str], folder: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_gearshift");
    let command = Command::new(program).args(arguments).env("XDG_DATA_HOME", folder).output();
    command.expect("it starts")
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// AWS's word for what a usage type is counted in.
fn unit(usage: &str) -> &'static str {
    match usage {
        usage if usage.contains("Volume") => "GB-Mo",
        usage if usage.contains("Second") => "Lambda-GB-Second",
        usage if usage.ends_with("RequestUnits") => "WriteRequestUnits",
        usage if usage.contains("Request") => "Requests",
        _ => "Hrs",
    }
}

/// A product with its tiers `(begin, end, dollars)`.
fn product(
    sku: &str,
    usage: &str,
    more: &[(&str, &str)],
    tiers: &[(&str, &str, &str)],
) -> [String; 2] {
    let attributes: String =
        more.iter().map(|(key, value)| format!(r#","{key}":"{value}""#)).collect();
    let rates: Vec<String> = tiers.iter().enumerate().map(|(at, (begin, end, usd))| format!(
        r#""{sku}.JRTCKXETXF.{at}":{{"rateCode":"{at}","unit":"{}","beginRange":"{begin}","endRange":"{end}","pricePerUnit":{{"USD":"{usd}"}}}}"#,
        unit(usage)
    )).collect();
    [
        format!(r#""{sku}":{{"sku":"{sku}","attributes":{{"usagetype":"{usage}"{attributes}}}}}"#),
        format!(
            r#""{sku}":{{"{sku}.JRTCKXETXF":{{"offerTermCode":"JRTCKXETXF","effectiveDate":"2026-11-01T00:00:00Z","priceDimensions":{{{}}}}},"{sku}.FREE":{{"offerTermCode":"A429C66SYZ","priceDimensions":{{}}}}}}"#,
            rates.join(",")
        ),
    ]
}

fn offer(mirror: &Path, name: &str, products: &[[String; 2]]) {
    let version = format!("/offers/v1.0/aws/{name}/20261101000000/eu-west-2/index.json");
    let index = format!(
        r#"{{"regions":{{"eu-west-2":{{"regionCode":"eu-west-2","currentVersionUrl":"{version}"}}}}}}"#
    );
    let joined = |at: usize| {
        products.iter().map(|product| product[at].clone()).collect::<Vec<_>>().join(",")
    };
    let file = format!(
        r#"{{"formatVersion":"v1.0","version":"20261101000000","products":{{{}}},"terms":{{"OnDemand":{{{}}}}}}}"#,
        joined(0),
        joined(1)
    );
    for (path, text) in
        [(format!("/offers/v1.0/aws/{name}/current/region_index.json"), index), (version, file)]
    {
        let path = mirror.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

const ALB: [(&str, &str); 2] =
    [("operation", "LoadBalancing:Application"), ("locationType", "AWS Region")];
const NLB: [(&str, &str); 2] =
    [("operation", "LoadBalancing:Network"), ("locationType", "AWS Region")];

#[test]
fn refresh_takes_the_one_right_price_and_keeps_what_it_cannot_have() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    // As in the real file: names that end alike, and one usage type under two operations.
    offer(
        &mirror,
        "AWSELB",
        &[
            product("A", "EUW2-LoadBalancerUsage", &ALB, &[("0", "Inf", "0.0300000000")]),
            product("B", "EUW2-TS-LoadBalancerUsage", &ALB, &[("0", "Inf", "0.0059")]),
            product("C", "EUW2-LCUUsage", &NLB, &[("0", "Inf", "0.006")]),
            product("D", "EUW2-LCUUsage", &ALB, &[("0", "Inf", "0.0085")]),
        ],
    );
    offer(
        &mirror,
        "AWSLambda",
        &[
            product(
                "E",
                "EUW2-Lambda-GB-Second",
                &[("group", "AWS-Lambda-Duration")],
                &[
                    ("15000000000", "Inf", "0.0000133334"),
                    ("0", "6000000000", "0.0000166667"),
                    ("6000000000", "15000000000", "0.0000150000"),
                ],
            ),
            // Two that fit: neither may be taken.
            product(
                "F",
                "EUW2-Request",
                &[("group", "AWS-Lambda-Requests")],
                &[("0", "Inf", "0.0000001")],
            ),
            product(
                "G",
                "EUW2-Request",
                &[("group", "AWS-Lambda-Requests")],
                &[("0", "Inf", "0.0000002")],
            ),
        ],
    );
    let base = format!("file://{}", mirror.display());
    let refreshed = gearshift(
        &["price", "refresh", "--region", "eu-west-2", "--base-url", &base],
        folder.path(),
    );
    let text = said(&refreshed);
    assert_eq!(refreshed.status.code(), Some(1), "some could not be had: {text}");
    assert!(text.contains("eu-west-2: 3 prices fetched, 2 changed"), "{text}");
    assert!(
        text.contains("has 2 products for function request in eu-west-2 (F, G), expected one"),
        "{text}"
    );

    let book =
        std::fs::read_to_string(folder.path().join("gearshift/prices/eu-west-2.toml")).unwrap();
    assert!(
        book.contains("/offers/v1.0/aws/AWSELB/20261101000000/eu-west-2/index.json, SKU A"),
        "{book}"
    );
    assert!(book.contains("stale_since"), "{book}");

    let diff = said(&gearshift(&["price", "diff", "--region", "eu-west-2"], folder.path()));
    assert!(
        diff.contains("0.02646") && diff.contains("0.03") && diff.contains("+13.4 %"),
        "{diff}"
    );

    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.json");
    let priced = gearshift(&["price", "--calls", "1M", "--service", results], folder.path());
    // 730 × 0.03 instead of 730 × 0.02646.
    assert!(said(&priced).contains("21.90"), "{}", said(&priced));
}

#[test]
fn a_refresh_that_reaches_nothing_marks_every_price_stale_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let refreshed = gearshift(
        &["price", "refresh", "--region", "eu-west-2", "--base-url", "http://127.0.0.1:1"],
        folder.path(),
    );
    assert_eq!(refreshed.status.code(), Some(1));
    assert!(said(&refreshed).contains("eu-west-2: 0 prices fetched"), "{}", said(&refreshed));
    let diff = said(&gearshift(&["price", "diff", "--region", "eu-west-2"], folder.path()));
    assert!(diff.contains("load balancer: stale since 20"), "{diff}");
    assert!(diff.contains("eu-west-2: 0 of "), "{diff}");
    let trace = folder.path().join("t.csv");
    std::fs::write(&trace, "time,requests\n1774661340,9\n1774661400,9\n").unwrap();
    let trace = trace.to_str().unwrap();
    let planned = gearshift(&["plan", trace, "--no-page", "--region", "eu-west-2"], folder.path());
    let planned = said(&planned).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(planned.contains("stale, could not be fetched anew: "), "{planned}");
    let nowhere = gearshift(&["price", "refresh", "--region", "mars-1"], folder.path());
    assert_eq!(nowhere.status.code(), Some(2));
}

/// This user's own book of a region.
fn own(folder: &Path, region: &str, prices: &str) {
    let books = folder.join("gearshift/prices");
    std::fs::create_dir_all(&books).unwrap();
    let text = format!("region = \"{region}\"\n{prices}");
    std::fs::write(books.join(format!("{region}.toml")), text).unwrap();
}

/// A price in a book, with its tiers as TOML.
fn price(dimension: &str, unit: &str, tiers: &str) -> String {
    format!(
        "[[price]]\ndimension = \"{dimension}\"\nunit = \"{unit}\"\ntiers = [{tiers}]\n\
         effective = \"2026-11-01\"\nsource = \"a test\"\nconfidence = \"high\"\n"
    )
}

#[test]
fn diff_lists_a_price_that_the_shipped_book_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let write = price("table-write-unit", "write unit", r#"{ begin = 0, usd = "0.000000715" }"#);
    own(folder.path(), "ap-southeast-1", &write);
    let run = |more: &[&str]| {
        let arguments = [&["price", "diff", "--region", "ap-southeast-1"], more].concat();
        said(&gearshift(&arguments, folder.path()))
    };
    let text = run(&[]);
    assert!(text.contains("table write: new, 0.000000715 per write unit, of 2026-11-01"), "{text}");
    let changes: serde_json::Value = serde_json::from_str(&run(&["--json"])).expect("JSON");
    assert!(changes[0]["before"].is_null(), "{changes}");
    assert_eq!(changes[0]["region"], "ap-southeast-1");
}

/// Shipped: 0.0000166667, from 6,000,000,000 on 0.000015, from 15,000,000,000 on 0.0000133334.
#[test]
fn diff_says_which_tier_changed() {
    let folder = tempfile::tempdir().unwrap();
    let tiers = r#"{ begin = 0, end = 6000000000, usd = "0.0000166667" },
        { begin = 6000000000, end = 15000000000, usd = "0.0000147" },
        { begin = 15000000000, usd = "0.0000133334" }"#;
    own(folder.path(), "eu-west-2", &price("function-gb-second", "GB-second", tiers));
    let text = said(&gearshift(&["price", "diff", "--region", "eu-west-2"], folder.path()));
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("→")).collect();
    let [line] = lines.as_slice() else { panic!("one tier changed: {text}") };
    assert!(line.contains("beyond 6,000,000,000: 0.000015 "), "{line}");
    assert!(line.contains("→ 0.0000147 ") && line.contains("(-2.0 %)"), "{line}");
}

#[test]
fn diff_without_a_region_is_over_every_book_of_this_user() {
    let folder = tempfile::tempdir().unwrap();
    let none = gearshift(&["price", "diff"], folder.path());
    assert_eq!(none.status.code(), Some(2));
    assert!(said(&none).contains("→ gearshift price refresh --region"), "{}", said(&none));
    let hour = price("load-balancer-hour", "hour", r#"{ begin = 0, usd = "0.03" }"#);
    for region in ["us-east-1", "eu-west-2"] {
        own(folder.path(), region, &hour);
    }
    let both = said(&gearshift(&["price", "diff"], folder.path()));
    for region in ["us-east-1", "eu-west-2"] {
        assert!(both.contains(&format!("{region}: 1 of 1 prices differ")), "{both}");
    }
    let other = gearshift(&["price", "diff", "--region", "us-west-2"], folder.path());
    let text = said(&other);
    assert!(text.contains("gearshift price refresh --region us-west-2"), "{text}");
}

#[test]
fn refresh_fills_a_gap_of_the_shipped_book() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    let group = [("group", "DDB-WriteUnits")];
    offer(
        &mirror,
        "AmazonDynamoDB",
        &[product("W", "EUW2-WriteRequestUnits", &group, &[("0", "Inf", "0.000000715")])],
    );
    // The mirror's one region, under another's name: what the shipped book of Singapore lacks.
    for file in ["current/region_index.json", "20261101000000/eu-west-2/index.json"] {
        let path = mirror.join("offers/v1.0/aws/AmazonDynamoDB").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("\"eu-west-2\"", "\"ap-southeast-1\"").replace("EUW2-", "APS1-");
        std::fs::write(path, text).unwrap();
    }
    let base = format!("file://{}", mirror.display());
    let refreshed = gearshift(
        &["price", "refresh", "--region", "ap-southeast-1", "--base-url", &base, "--no-ec2"],
        folder.path(),
    );
    assert!(
        said(&refreshed).contains("ap-southeast-1: 1 prices fetched, 1 changed"),
        "{}",
        said(&refreshed)
    );
    assert!(said(&refreshed).contains("still missing: table read"), "{}", said(&refreshed));
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.json");
    let priced = gearshift(
        &["price", "--calls", "1M", "--service", results, "--region", "ap-southeast-1"],
        folder.path(),
    );
    assert!(!said(&priced).contains("no price for table write"), "{}", said(&priced));
}

#[test]
fn refresh_streams_instances_and_disks_from_csv() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    offer(&mirror, "AmazonEC2", &[]);
    let row = |sku: &str, usd: &str, tenancy: &str, system: &str, usage: &str| {
        format!(
            "\"{sku}\",\"JRTCKXETXF\",\"{sku}.JRTCKXETXF.6YS6EN2CT7\",\"OnDemand\",\"x, y\",\"2026-11-01\",\"0\",\"Inf\",\"{}\",\"{usd}\",\"USD\",\"Compute Instance\",\"{tenancy}\",\"{system}\",\"{usage}\",\"RunInstances\",\"Used\",\"NA\"\n",
            unit(usage)
        )
    };
    let csv = String::from(
        "\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"one, two\"\n\"Publication Date\",\"2026-11-01T00:00:00Z\"\n\"Version\",\"20261101000000\"\n\"OfferCode\",\"AmazonEC2\"\n\
         \"SKU\",\"OfferTermCode\",\"RateCode\",\"TermType\",\"PriceDescription\",\"EffectiveDate\",\"StartingRange\",\"EndingRange\",\"Unit\",\"PricePerUnit\",\"Currency\",\"Product Family\",\"Tenancy\",\"Operating System\",\"usageType\",\"operation\",\"CapacityStatus\",\"Pre Installed S/W\"\n",
    ) + &row("I1", "0.0150000000", "Shared", "Linux", "EUW2-BoxUsage:t2.micro")
        + &row("I2", "0.0200000000", "Shared", "Windows", "EUW2-BoxUsage:t2.micro")
        + &row("I3", "0.0300000000", "Dedicated", "Linux", "EUW2-BoxUsage:t2.micro")
        + &row("V1", "0.1200000000", "", "", "EUW2-EBS:VolumeUsage.gp2");
    let path = mirror.join("offers/v1.0/aws/AmazonEC2/20261101000000/eu-west-2/index.csv");
    std::fs::write(path, csv).unwrap();
    let base = format!("file://{}", mirror.display());
    let arguments = ["price", "refresh", "--region", "eu-west-2", "--base-url", &base];
    let text = said(&gearshift(&arguments, folder.path()));
    assert!(text.contains("eu-west-2: 2 prices fetched, 2 changed"), "{text}");
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.json");
    let priced = gearshift(&["price", "--calls", "1M", "--service", results], folder.path());
    // 730 h × 0.015 + 8 GB × 0.12 + 730 h × 0.005 = 10.95 + 0.96 + 3.65.
    let text = said(&priced);
    let ec2 = text.lines().find(|line| line.starts_with("ec2 ")).expect("a line");
    assert!(ec2.contains("15.56"), "{ec2}");
}

/// A region of somebody else's results is looked up among the known ones, and never a path.
#[test]
fn a_region_that_is_a_path_is_an_unknown_region() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let shipped = gearshift_price::PriceBook::shipped("eu-west-2").unwrap();
    std::fs::write(elsewhere.with_extension("toml"), shipped.to_toml()).unwrap();
    nix::unistd::mkfifo(&folder.path().join("pipe.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let text = include_str!("../../../docs/results.json");
    let mut results: serde_json::Value = serde_json::from_str(text).unwrap();
    for region in
        [elsewhere.display().to_string(), folder.path().join("pipe").display().to_string()]
    {
        results["region"] = region.clone().into();
        let file = folder.path().join("theirs.json");
        std::fs::write(&file, results.to_string()).unwrap();
        let file = file.display().to_string();
        let priced = gearshift(&["price", "--calls", "1M", "--service", &file], folder.path());
        let text = said(&priced);
        assert_eq!(priced.status.code(), Some(2), "{text}");
        assert!(text.contains("no price book for region"), "{text}");
    }
}

#[test]
fn a_broken_book_stops_who_asks_for_its_region_and_a_refresh_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("gearshift/prices");
    std::fs::create_dir_all(&books).unwrap();
    std::fs::write(books.join("sa-east-1.toml"), "not a book").unwrap();
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.json");
    let quoted = |region: &str| {
        let arguments = ["price", "--calls", "5M", "--service", results, "--region", region];
        gearshift(&arguments, folder.path())
    };
    assert!(quoted("eu-west-2").status.success());
    let broken = quoted("sa-east-1");
    let text = said(&broken);
    assert!(
        broken.status.code() == Some(2) && text.contains("sa-east-1.toml is not a price book"),
        "{text}"
    );
    assert!(text.contains("→ gearshift price refresh --region sa-east-1"), "{text}");
    let arguments =
        ["price", "refresh", "--region", "sa-east-1", "--base-url", "http://127.0.0.1:1"];
    let text = said(&gearshift(&arguments, folder.path()));
    assert!(text.contains("begun anew from the shipped book"), "{text}");
    let text = said(&quoted("sa-east-1")).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("stale, could not be fetched anew: "), "{text}");
}
