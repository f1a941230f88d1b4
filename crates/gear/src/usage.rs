//! What a provider would meter.

use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hours in a month of a bill: the AWS Pricing Calculator's convention, and the only one that
/// reproduces the published December 2021 table (720 h and 730.5 h do not).
pub const HOURS_PER_MONTH: u32 = 730;

/// An instance's root disk, gp2: what the December 2021 table is computed with.
pub const ROOT_VOLUME_GB: u32 = 8;

/// Root disk of Amazon's own image for ECS instances. Source: Amazon ECS developer guide,
/// "Amazon ECS-optimized Linux AMIs": one 30 GiB root volume.
pub const ECS_ROOT_VOLUME_GB: u32 = 30;

/// Zones an internet-facing load balancer stands in at least, with a public address in each.
/// Source: docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html.
pub const LOAD_BALANCER_ZONES: u32 = 2;

/// One thing a provider meters. The quantity's unit is [`Dimension::unit`].
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// API Gateway HTTP API, in steps of 512 KB.
    HttpApiRequest,
    /// API Gateway REST API, whatever a request's size.
    RestApiRequest,
    /// API Gateway WebSocket API, messages either way in steps of 32 KB.
    WebSocketMessage,
    /// API Gateway WebSocket API, time connected.
    WebSocketMinute,
    /// Lambda invocations.
    FunctionRequest,
    /// Lambda x86 handler time, each call rounded up to 1 ms, times configured memory.
    FunctionGbSecond,
    /// Lambda x86 initialisation time, rounded up to 1 ms, times configured memory; same price.
    FunctionInitGbSecond,
    /// Lambda `/tmp` beyond 512 MB.
    FunctionDiskGbSecond,
    /// DynamoDB on-demand write units: 1 per started KB.
    TableWriteUnit,
    /// DynamoDB on-demand read units: 1 per started 4 KB, half when eventually consistent.
    TableReadUnit,
    /// DynamoDB Standard tables, averaged over the month.
    TableGbMonth,
    /// S3 PUT, COPY, POST and LIST requests, failed ones with status 4xx included.
    ObjectWriteRequest,
    /// S3 GET and all other paid requests.
    ObjectReadRequest,
    /// S3 Standard, averaged over the month.
    ObjectGbMonth,
    /// EFS Standard, averaged over the month; bursting throughput itself is free.
    FileGbMonth,
    /// EFS elastic throughput, read.
    FileReadGb,
    /// EFS elastic throughput, written.
    FileWriteGb,
    /// EC2 Linux on demand, by type.
    InstanceHour(String),
    /// vCPU time of a burstable instance in unlimited mode beyond its credits, by family.
    SurplusVcpuHour(String),
    /// Fargate x86 on demand, vCPUs a task is configured with.
    TaskVcpuHour,
    /// Fargate x86 on demand, memory a task is configured with.
    TaskGbHour,
    /// Fargate Spot x86: as [`Dimension::TaskVcpuHour`].
    SpotTaskVcpuHour,
    /// Fargate Spot x86: as [`Dimension::TaskGbHour`].
    SpotTaskGbHour,
    /// Fargate, a task's disk beyond 20 GB.
    TaskDiskGbHour,
    /// EKS control planes, of versions in standard support.
    ClusterHour,
    /// ECR, images of private repositories, averaged over the month.
    ImageGbMonth,
    /// Application load balancers.
    LoadBalancerHour,
    /// Load balancer capacity units: the highest of new connections ÷ 25/s, active connections ÷
    /// 3,000 and GB ÷ 1/h.
    LoadBalancerCapacityHour,
    /// EBS gp2, provisioned.
    VolumeGbMonth,
    /// EBS gp3, provisioned; 3,000 IOPS and 125 MB/s are in it.
    Gp3VolumeGbMonth,
    /// NAT gateways.
    NatHour,
    /// Through a NAT gateway, both ways.
    NatGb,
    /// Public IPv4 addresses in use.
    PublicIpv4Hour,
    /// CloudWatch Logs ingestion, Standard class.
    LogIngestGb,
    /// CloudWatch Logs, kept, compressed by AWS.
    LogGbMonth,
    /// Out of the region to the internet.
    InternetEgressGb,
    /// Between availability zones, counted once in each direction.
    CrossAzGb,
}

impl Dimension {
    /// What a Fargate task is billed by: its vCPUs and its memory.
    pub fn of_task(spot: bool) -> (Self, Self) {
        match spot {
            true => (Self::SpotTaskVcpuHour, Self::SpotTaskGbHour),
            false => (Self::TaskVcpuHour, Self::TaskGbHour),
        }
    }

    /// The unit a quantity of this dimension is counted in.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::HttpApiRequest
            | Self::RestApiRequest
            | Self::FunctionRequest
            | Self::ObjectWriteRequest
            | Self::ObjectReadRequest => "request",
            Self::WebSocketMessage => "message",
            Self::WebSocketMinute => "minute",
            Self::FunctionGbSecond | Self::FunctionInitGbSecond | Self::FunctionDiskGbSecond => {
                "GB-second"
            }
            Self::TableWriteUnit => "write unit",
            Self::TableReadUnit => "read unit",
            Self::InstanceHour(_)
            | Self::ClusterHour
            | Self::LoadBalancerHour
            | Self::NatHour
            | Self::PublicIpv4Hour => "hour",
            Self::TaskVcpuHour | Self::SpotTaskVcpuHour | Self::SurplusVcpuHour(_) => "vCPU-hour",
            Self::TaskGbHour | Self::SpotTaskGbHour | Self::TaskDiskGbHour => "GB-hour",
            Self::LoadBalancerCapacityHour => "LCU-hour",
            Self::TableGbMonth
            | Self::ObjectGbMonth
            | Self::FileGbMonth
            | Self::ImageGbMonth
            | Self::VolumeGbMonth
            | Self::Gp3VolumeGbMonth
            | Self::LogGbMonth => "GB-month",
            Self::FileReadGb
            | Self::FileWriteGb
            | Self::NatGb
            | Self::LogIngestGb
            | Self::InternetEgressGb
            | Self::CrossAzGb => "GB",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HttpApiRequest => f.write_str("HTTP API request"),
            Self::RestApiRequest => f.write_str("REST API request"),
            Self::WebSocketMessage => f.write_str("WebSocket message"),
            Self::WebSocketMinute => f.write_str("WebSocket connection"),
            Self::FunctionRequest => f.write_str("function request"),
            Self::FunctionGbSecond => f.write_str("function duration"),
            Self::FunctionInitGbSecond => f.write_str("function init"),
            Self::FunctionDiskGbSecond => f.write_str("function disk"),
            Self::TableWriteUnit => f.write_str("table write"),
            Self::TableReadUnit => f.write_str("table read"),
            Self::TableGbMonth => f.write_str("table storage"),
            Self::ObjectWriteRequest => f.write_str("object write"),
            Self::ObjectReadRequest => f.write_str("object read"),
            Self::ObjectGbMonth => f.write_str("object storage"),
            Self::FileGbMonth => f.write_str("file storage"),
            Self::FileReadGb => f.write_str("EFS elastic read"),
            Self::FileWriteGb => f.write_str("EFS elastic write"),
            Self::InstanceHour(kind) => write!(f, "instance {kind}"),
            Self::SurplusVcpuHour(family) => write!(f, "{family} unlimited"),
            Self::TaskVcpuHour => f.write_str("Fargate vCPU"),
            Self::TaskGbHour => f.write_str("Fargate memory"),
            Self::SpotTaskVcpuHour => f.write_str("Fargate Spot vCPU"),
            Self::SpotTaskGbHour => f.write_str("Fargate Spot memory"),
            Self::TaskDiskGbHour => f.write_str("Fargate disk"),
            Self::ClusterHour => f.write_str("EKS cluster"),
            Self::ImageGbMonth => f.write_str("image storage"),
            Self::LoadBalancerHour => f.write_str("load balancer"),
            Self::LoadBalancerCapacityHour => f.write_str("load balancer capacity"),
            Self::VolumeGbMonth => f.write_str("volume gp2"),
            Self::Gp3VolumeGbMonth => f.write_str("volume gp3"),
            Self::NatHour => f.write_str("NAT gateway"),
            Self::NatGb => f.write_str("NAT transfer"),
            Self::PublicIpv4Hour => f.write_str("public IPv4"),
            Self::LogIngestGb => f.write_str("log ingestion"),
            Self::LogGbMonth => f.write_str("log storage"),
            Self::InternetEgressGb => f.write_str("internet egress"),
            Self::CrossAzGb => f.write_str("cross-zone transfer"),
        }
    }
}

/// What was used, as a provider's meter would count it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageLine {
    pub dimension: Dimension,
    /// In [`Dimension::unit`].
    pub quantity: Decimal,
    /// Start and end of what was counted.
    pub window: (Timestamp, Timestamp),
    /// Everything before this instant is in; a provider may still add what came later.
    pub complete_until: Timestamp,
}
