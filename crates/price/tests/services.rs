//! Each service's bill by hand, from its billing page: the rule, the arithmetic, the dollars.
//!
//! Prices are those of us-east-1 in the shipped book; each is written out again in the arithmetic.

mod common;

use std::time::Duration;

use common::{dec, instance, usage};
use gearshift_gear::metering::{self, Carried, Reading};
use gearshift_gear::{Dimension, instance_type};
use gearshift_price::{PriceBook, bill};
use rust_decimal::Decimal;

/// US dollars of a month that uses this much.
fn month(used: &[(Dimension, Decimal)]) -> Decimal {
    let used: Vec<_> = used.iter().map(|(what, much)| (what.clone(), much.to_string())).collect();
    let fixed: Vec<_> = used.iter().map(|(what, much)| (what.clone(), much.as_str())).collect();
    let book = PriceBook::shipped("us-east-1").unwrap();
    bill(usage(&fixed, &[]), &book).monthly(0).unwrap().value.normalize()
}

fn one(dimension: Dimension, much: &str) -> Decimal {
    month(&[(dimension, dec(much))])
}

/// What the free tier takes off so much.
fn free(dimension: Dimension, much: &str) -> Decimal {
    let full = one(dimension.clone(), much);
    let book = PriceBook::shipped("us-east-1").unwrap().with_free_tier();
    full - bill(usage(&[(dimension, much)], &[]), &book).monthly(0u64).unwrap().value
}

/// aws.amazon.com/lambda/pricing: requests, and duration in GB-seconds, rounded up to 1 ms.
#[test]
fn lambda_by_request_and_by_started_millisecond() {
    let ms = metering::function_ms(Duration::from_micros(100_001));
    assert_eq!(ms, 101);
    // 128 MB = 0.125 GB; 0.101 s × 0.125 GB = 0.012625 GB-s a call; 5 M calls: 63,125 GB-s.
    let gb_s = metering::function_gb_seconds(ms, 128) * dec("5000000");
    assert_eq!(gb_s, dec("63125"));
    let used = [(Dimension::FunctionRequest, dec("5000000")), (Dimension::FunctionGbSecond, gb_s)];
    // 5 M × 0.0000002 = 1.00; 63,125 × 0.0000166667 = 1.0520854375.
    assert_eq!(month(&used), dec("2.0520854375"));
}

/// aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase: since August 2025
/// the initialisation is billed as duration is, of every kind of function.
#[test]
fn lambda_bills_initialisation_as_duration() {
    let ms = metering::function_ms(Duration::from_micros(250_200));
    // 5,000 cold starts × 0.251 s × 0.125 GB = 156.875 GB-s × 0.0000166667.
    let gb_s = metering::function_gb_seconds(ms, 128) * dec("5000");
    assert_eq!(gb_s, dec("156.875"));
    assert_eq!(month(&[(Dimension::FunctionInitGbSecond, gb_s)]), dec("0.0026145885625"));
}

/// aws.amazon.com/lambda/pricing: 6 B GB-seconds at the first price, 9 B at the second, then the
/// third.
#[test]
fn lambda_grows_cheaper_by_tier() {
    // 6 B × 0.0000166667 = 100,000.20; 9 B × 0.000015 = 135,000; 1 B × 0.0000133334 = 13,333.40.
    assert_eq!(one(Dimension::FunctionGbSecond, "16000000000"), dec("248333.6"));
    // Initialisation counts into the same tiers: 6 B × 0.0000166667 + 0.5 B × 0.000015.
    let used = [
        (Dimension::FunctionGbSecond, dec("5500000000")),
        (Dimension::FunctionInitGbSecond, dec("1000000000")),
    ];
    assert_eq!(month(&used), dec("107500.2"));
}

/// aws.amazon.com/lambda/pricing: 1 M requests and 400,000 GB-seconds a month are free, for good.
#[test]
fn lambda_has_a_free_tier_each_month() {
    let per_call = [(Dimension::FunctionRequest, "1"), (Dimension::FunctionGbSecond, "0.1")];
    let book = PriceBook::shipped("us-east-1").unwrap();
    let (free, full) = (book.with_free_tier(), book);
    let month = |book: &PriceBook, calls: u64| {
        bill(usage(&[], &per_call), book).monthly(calls).unwrap().value
    };
    // 10 M calls, 1 M GB-s: 2.00 + 16.6667; free 0.20 + 400,000 × 0.0000166667 = 6.66668.
    assert_eq!(month(&full, 10_000_000), dec("18.6667"));
    assert_eq!(month(&free, 10_000_000), dec("18.6667") - dec("6.86668"));
    // 100,000 calls, 10,000 GB-s: all of it is free, and no more than it.
    assert_eq!(month(&free, 100_000), Decimal::ZERO);
    // Tiers count from the first unit: 6 B × 0.0000166667 + 4 B × 0.000015, less what is free.
    let saved = month(&full, 100_000_000_000) - month(&free, 100_000_000_000);
    assert_eq!(saved, dec("6.86668"));
}

/// aws.amazon.com/lambda/pricing: `/tmp` beyond 512 MB, by GB-second of the calls.
#[test]
fn lambda_bills_disk_beyond_512_mb() {
    assert_eq!(metering::function_disk_gb_seconds(101, 512), Decimal::ZERO);
    // 1,024 − 512 MB = 0.5 GB × 0.101 s × 5 M = 252,500 GB-s × 0.0000000309.
    let gb_s = metering::function_disk_gb_seconds(101, 1024) * dec("5000000");
    assert_eq!(gb_s, dec("252500"));
    assert_eq!(month(&[(Dimension::FunctionDiskGbSecond, gb_s)]), dec("0.00780225"));
}

/// aws.amazon.com/fargate/pricing: by the second from the pull of the image on, one minute at least;
/// vCPUs and GB apart; 20 GB of disk are free.
#[test]
fn fargate_by_the_second_and_a_minute_at_least() {
    let seconds = |ms| metering::billed_seconds(Duration::from_millis(ms));
    assert_eq!((seconds(10_000), seconds(60_000), seconds(90_200)), (60, 60, 91));
    // 0.25 vCPU × 0.04048 = 0.01012 an hour; 0.5 GB × 0.004445 = 0.0022225 an hour.
    let task = |hours: Decimal| {
        month(&[
            (Dimension::TaskVcpuHour, hours * dec("0.25")),
            (Dimension::TaskGbHour, hours * dec("0.5")),
        ])
    };
    // All month: 730 × 0.0123425.
    assert_eq!(task(dec("730")), dec("9.010025"));
    // 120 tasks of ten seconds are two hours, not twenty minutes: 2 × 0.0123425.
    assert_eq!(task(Decimal::from(120 * seconds(10_000)) / dec("3600")), dec("0.024685"));
    // 21 GB of disk all month: 1 × 730 × 0.000111.
    let disk = Decimal::from(metering::task_disk_gb(21)) * dec("730");
    assert_eq!(month(&[(Dimension::TaskDiskGbHour, disk)]), dec("0.08103"));
}

/// aws.amazon.com/ec2/pricing/on-demand: Linux by the second, one minute at least.
#[test]
fn ec2_by_the_second_and_a_minute_at_least() {
    assert_eq!(one(instance("t3.micro"), "730"), dec("7.592"), "730 × 0.0104");
    // 60 starts of 20 s are an hour.
    let hours = Decimal::from(60 * metering::billed_seconds(Duration::from_secs(20)));
    assert_eq!(month(&[(instance("t3.micro"), hours / dec("3600"))]), dec("0.0104"));
}

/// docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode.html
/// and its concepts: surplus credits up to a day's earnings are borrowed; beyond, and at the stop,
/// 0.05 a vCPU-hour.
#[test]
fn unlimited_mode_charges_what_is_not_paid_back() {
    let micro = instance_type("t3.micro").unwrap();
    let surplus = |busy: &[(usize, &str)]| {
        let hours = busy.iter().flat_map(|(hours, vcpus)| vec![dec(vcpus); *hours]);
        metering::surplus_vcpu_hours(micro, hours)
    };
    let usd = |hours| month(&[(Dimension::SurplusVcpuHour("t3".to_owned()), hours)]);
    // Both vCPUs all month; 10 % of each is earned: (2 − 0.2) × 730 = 1,314 × 0.05.
    assert_eq!(usd(surplus(&[(730, "2")])), dec("65.7"));
    // At its baseline, and below: nothing.
    assert_eq!(surplus(&[(365, "0.2"), (365, "0.1")]), Decimal::ZERO);
    // A day of both: 1.8 × 24 = 43.2 borrowed, 4.8 of it allowed; the rest is charged at once. An
    // idle day then pays the 4.8 back, and a second one saves: 38.4 × 0.05.
    assert_eq!(usd(surplus(&[(24, "2"), (48, "0")])), dec("1.92"));
    // Stopped right after the day, the 4.8 are charged too: 43.2 × 0.05.
    assert_eq!(usd(surplus(&[(24, "2")])), dec("2.16"));
    // Two hours of both after a day of rest: 2 × 1.8 = 3.6, of 4.8 saved.
    assert_eq!(surplus(&[(24, "0"), (2, "2")]), Decimal::ZERO);
}

/// aws.amazon.com/api-gateway/pricing: HTTP APIs in steps of 512 KB, 300 M at the first price.
#[test]
fn http_apis_by_half_a_megabyte() {
    assert_eq!([1, 524_288, 524_289].map(metering::http_api_requests), [1, 1, 2]);
    // 200 M calls of 600 KB are 400 M: 300 M × 0.000001 + 100 M × 0.0000009.
    let requests = dec("200000000") * Decimal::from(metering::http_api_requests(600 * 1024));
    assert_eq!(month(&[(Dimension::HttpApiRequest, requests)]), dec("390"));
}

/// aws.amazon.com/api-gateway/pricing: REST APIs by the call, whatever its size.
#[test]
fn rest_apis_by_the_call() {
    // 333 M × 0.0000035 = 1,165.50; 167 M × 0.0000028 = 467.60.
    assert_eq!(one(Dimension::RestApiRequest, "500000000"), dec("1633.1"));
}

/// aws.amazon.com/api-gateway/pricing: WebSocket messages in steps of 32 KB, and minutes connected.
#[test]
fn web_sockets_by_message_and_by_minute() {
    assert_eq!([1, 32_768, 32_769].map(metering::web_socket_messages), [1, 1, 2]);
    // 600 M messages of 33 KB are 1.2 B: 1 B × 0.000001 + 0.2 B × 0.0000008.
    let messages = dec("600000000") * Decimal::from(metering::web_socket_messages(33 * 1024));
    assert_eq!(month(&[(Dimension::WebSocketMessage, messages)]), dec("1160"));
    // A thousand clients all month: 1,000 × 43,800 min × 0.00000025.
    assert_eq!(one(Dimension::WebSocketMinute, "43800000"), dec("10.95"));
}

/// aws.amazon.com/elasticloadbalancing/pricing: hours, and the largest of four dimensions.
#[test]
fn load_balancers_by_the_largest_dimension() {
    assert_eq!(one(Dimension::LoadBalancerHour, "730"), dec("16.425"), "730 × 0.0225");
    // 50 new/s ÷ 25 = 2; 12,000 open ÷ 3,000 = 4; 3 GB/h = 3; 500/s × (20 − 10 free rules) = 5,000
    // evaluations/s ÷ 1,000 = 5.
    let carried = Carried {
        new_connections_per_s: dec("50"),
        active_connections: dec("12000"),
        gb_per_hour: dec("3"),
        evaluations_per_s: metering::rule_evaluations(dec("500"), 20),
    };
    let month =
        |units: Decimal| month(&[(Dimension::LoadBalancerCapacityHour, units * dec("730"))]);
    assert_eq!(metering::capacity_units(&carried, false), dec("5"));
    assert_eq!(month(dec("5")), dec("29.2"), "5 × 730 × 0.008");
    // Ten rules are free: what is open counts.
    let free = Carried { evaluations_per_s: metering::rule_evaluations(dec("500"), 10), ..carried };
    assert_eq!(metering::capacity_units(&free, false), dec("4"));
    // To functions a unit holds 0.4 GB: 3 ÷ 0.4 = 7.5.
    assert_eq!(metering::capacity_units(&carried, true), dec("7.5"));
    assert_eq!(month(dec("7.5")), dec("43.8"), "7.5 × 730 × 0.008");
    // New connections count where they are most.
    let new = Carried { new_connections_per_s: dec("250"), ..carried };
    assert_eq!(metering::capacity_units(&new, false), dec("10"));
}

/// aws.amazon.com/dynamodb/pricing/on-demand: writes by started KB, reads by started 4 KB, half when
/// eventually consistent, double in transactions; 25 GB free.
#[test]
fn dynamodb_by_units() {
    let kb = |kb: u64, rest: u64| kb * 1024 + rest;
    assert_eq!(metering::write_units(kb(1, 512), false), 2);
    assert_eq!(metering::write_units(kb(1, 512), true), 4);
    assert_eq!(metering::write_units(kb(1, 0), false), 1);
    let read = |how| metering::read_units(kb(4, 512), how);
    assert_eq!(read(Reading::EventuallyConsistent), dec("1"));
    assert_eq!(read(Reading::StronglyConsistent), dec("2"));
    assert_eq!(read(Reading::InTransaction), dec("4"));
    let used = [
        // 10 M × 2 × 0.000000625 = 12.50.
        (Dimension::TableWriteUnit, dec("20000000")),
        // 10 M × 1 × 0.000000125 = 1.25.
        (Dimension::TableReadUnit, dec("10000000")),
        // (30 − 25) × 0.25 = 1.25.
        (Dimension::TableGbMonth, dec("30")),
    ];
    assert_eq!(month(&used), dec("15"));
    assert_eq!(one(Dimension::TableGbMonth, "25"), Decimal::ZERO);
}

/// aws.amazon.com/s3/pricing: requests by kind, and GB-months.
#[test]
fn s3_by_request_and_by_month() {
    let used = [
        // 1 M × 0.000005, 10 M × 0.0000004, 100 × 0.023.
        (Dimension::ObjectWriteRequest, dec("1000000")),
        (Dimension::ObjectReadRequest, dec("10000000")),
        (Dimension::ObjectGbMonth, dec("100")),
    ];
    assert_eq!(month(&used), dec("11.3"));
}

/// aws.amazon.com/efs/pricing: GB-months, and with elastic throughput GB read and written.
#[test]
fn efs_by_month_and_by_throughput() {
    let used = [
        // 10 × 0.30, 100 × 0.03, 50 × 0.06.
        (Dimension::FileGbMonth, dec("10")),
        (Dimension::FileReadGb, dec("100")),
        (Dimension::FileWriteGb, dec("50")),
    ];
    assert_eq!(month(&used), dec("9"));
}

/// aws.amazon.com/ebs/pricing: by GB provisioned, used or not.
#[test]
fn ebs_by_what_is_provisioned() {
    assert_eq!(one(Dimension::VolumeGbMonth, "30"), dec("3"), "30 × 0.10");
    assert_eq!(one(Dimension::Gp3VolumeGbMonth, "30"), dec("2.4"), "30 × 0.08");
}

/// aws.amazon.com/vpc/pricing: addresses by the hour; NAT gateways by hour and by GB.
#[test]
fn addresses_and_nat_by_the_hour() {
    assert_eq!(one(Dimension::PublicIpv4Hour, "1460"), dec("7.3"), "2 × 730 × 0.005");
    // 730 × 0.045 + 100 × 0.045.
    let used = [(Dimension::NatHour, dec("730")), (Dimension::NatGb, dec("100"))];
    assert_eq!(month(&used), dec("37.35"));
}

/// aws.amazon.com/ecr/pricing, aws.amazon.com/cloudwatch/pricing, aws.amazon.com/eks/pricing.
#[test]
fn images_logs_and_clusters() {
    assert_eq!(one(Dimension::ImageGbMonth, "2"), dec("0.2"), "2 × 0.10");
    // 10 × 0.50 + 20 × 0.03.
    let logs = [(Dimension::LogIngestGb, dec("10")), (Dimension::LogGbMonth, dec("20"))];
    assert_eq!(month(&logs), dec("5.6"));
    assert_eq!(free(Dimension::LogIngestGb, "10"), dec("2.5"), "5 × 0.50");
    assert_eq!(one(Dimension::ClusterHour, "730"), dec("73"), "730 × 0.10");
}

/// aws.amazon.com/ec2/pricing/on-demand, data transfer: out by tiers of 1,024 GB a TB, 100 GB free
/// each month; between zones in each direction.
#[test]
fn transfer_out_by_tier_and_between_zones_twice() {
    // 12 TB: 10,240 × 0.09 = 921.60; 2,048 × 0.085 = 174.08.
    assert_eq!(one(Dimension::InternetEgressGb, "12288"), dec("1095.68"));
    assert_eq!(free(Dimension::InternetEgressGb, "12288"), dec("9"), "100 × 0.09");
    // 100 GB there and 100 GB back: 200 × 0.01.
    assert_eq!(one(Dimension::CrossAzGb, "200"), dec("2"));
}
