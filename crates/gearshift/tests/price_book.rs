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
        r#""{sku}.JRTCKXETXF.{at}":{{"rateCode":"{at}","unit":"x","beginRange":"{begin}","endRange":"{end}","pricePerUnit":{{"USD":"{usd}"}}}}"#
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
    assert!(text.contains("eu-west-2: 3 prices, 2 changed"), "{text}");
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
    assert!(book.contains("stale since"), "{book}");

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
fn a_refresh_that_reaches_nothing_changes_nothing_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let refreshed = gearshift(
        &["price", "refresh", "--region", "eu-west-2", "--base-url", "http://127.0.0.1:1"],
        folder.path(),
    );
    assert_eq!(refreshed.status.code(), Some(1));
    assert!(said(&refreshed).contains("the book stays as it was"), "{}", said(&refreshed));
    assert!(!folder.path().join("gearshift").exists());
    let diff = gearshift(&["price", "diff", "--region", "eu-west-2"], folder.path());
    assert!(said(&diff).contains("gearshift price refresh --region eu-west-2"), "{}", said(&diff));
    let nowhere = gearshift(&["price", "refresh", "--region", "mars-1"], folder.path());
    assert_eq!(nowhere.status.code(), Some(2));
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
        said(&refreshed).contains("ap-southeast-1: 1 prices, 1 changed"),
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
            "\"{sku}\",\"JRTCKXETXF\",\"{sku}.JRTCKXETXF.6YS6EN2CT7\",\"OnDemand\",\"x, y\",\"2026-11-01\",\"0\",\"Inf\",\"Hrs\",\"{usd}\",\"USD\",\"Compute Instance\",\"{tenancy}\",\"{system}\",\"{usage}\",\"RunInstances\",\"Used\",\"NA\"\n"
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
    assert!(text.contains("eu-west-2: 2 prices, 2 changed"), "{text}");
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.json");
    let priced = gearshift(&["price", "--calls", "1M", "--service", results], folder.path());
    // 730 h × 0.015 + 8 GB × 0.12 + 730 h × 0.005 = 10.95 + 0.96 + 3.65.
    let text = said(&priced);
    let ec2 = text.lines().find(|line| line.starts_with("ec2 ")).expect("a line");
    assert!(ec2.contains("15.56"), "{ec2}");
}
