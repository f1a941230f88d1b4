//! What a provider meters: one table that says everything of each billing dimension.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The columns of the cost table.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// What takes the request.
    Front,
    /// Instances, functions, tasks and clusters.
    Compute,
    /// Tables, objects, files, images and disks.
    Store,
    /// Public addresses and transfer.
    Network,
    Logs,
}

impl Group {
    /// All groups, in the order of the table's columns.
    pub const ALL: [Self; 5] = [Self::Front, Self::Compute, Self::Store, Self::Network, Self::Logs];
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Front => "front",
            Self::Compute => "compute",
            Self::Store => "store",
            Self::Network => "net",
            Self::Logs => "logs",
        })
    }
}

/// What makes a meter count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Time: it is billed whether or not anybody calls.
    ByTime,
    /// Calls, and what they carry.
    ByUse,
}

/// Where AWS's public price list has a dimension's price: exactly one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Such as `AWSLambda`: the name in the file's address.
    pub file: &'static str,
    /// The usage type behind the region's prefix; `{}` stands for the type or family.
    pub usage: &'static str,
    /// Attributes that leave one product: usage type, then operation or group, never the lowest price.
    pub having: &'static [(&'static str, &'static str)],
}

/// What there is to say of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What a quantity is counted in, such as `GB-second`.
    pub unit: &'static str,
    /// What it is called in front of people; `{}` stands for the type or family.
    pub words: &'static str,
    /// The column it is billed in.
    pub group: Group,
    pub counted: Counted,
    /// None where no file has it, as Spot prices.
    pub offer: Option<Offer>,
}

/// Makes [`Dimension`] and what is said of each from one table, line by line: name, unit, words, column, what
/// makes it count, and where the price list has it.
macro_rules! dimensions {
    ($($(#[$doc:meta])+ $name:ident $(($of:ty))?:
       $unit:literal, $words:literal, $group:ident, $counted:ident, in $offer:tt $(as $usage:literal {
           $($attribute:literal: $value:literal),*
       })? $(list)?;)*) => {
        /// One thing a provider meters. The quantity's unit is [`Dimension::unit`].
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Dimension {
            $($(#[$doc])+ $name $(($of))?,)*
        }

        impl Dimension {
            /// What the table says of it.
            pub fn entry(&self) -> &'static Entry {
                match self {
                    $(Self::$name { .. } => {
                        const ENTRY: Entry = Entry {
                            unit: $unit,
                            words: $words,
                            group: Group::$group,
                            counted: Counted::$counted,
                            offer: dimensions!(@offer $offer $($usage [$(($attribute, $value)),*])?),
                        };
                        &ENTRY
                    })*
                }
            }

            /// Every dimension that is one, and not one for each type or family.
            pub fn all_plain() -> Vec<Self> {
                let all = [$(dimensions!(@plain $name $($of)?)),*];
                all.into_iter().flatten().collect()
            }
        }
    };
    (@offer no) => { None };
    (@offer $file:literal $usage:literal [$($having:tt),*]) => {
        Some(Offer { file: $file, usage: $usage, having: &[$($having),*] })
    };
    (@plain $name:ident) => { Some(Self::$name) };
    (@plain $name:ident $of:ty) => { None };
}

dimensions! {
    /// API Gateway HTTP API, in steps of 512 KB.
    HttpApiRequest:
        "request", "HTTP API request", Front, ByUse, in "AmazonApiGateway" as "ApiGatewayHttpRequest" { "operation": "ApiGatewayHttpApi" };

    /// API Gateway REST API, whatever a request's size.
    RestApiRequest:
        "request", "REST API request", Front, ByUse, in "AmazonApiGateway" as "ApiGatewayRequest" { "operation": "ApiGatewayRequest" };

    /// API Gateway WebSocket API, messages either way in steps of 32 KB.
    WebSocketMessage:
        "message", "WebSocket message", Front, ByUse, in no list;

    /// API Gateway WebSocket API, time connected.
    WebSocketMinute:
        "minute", "WebSocket connection", Front, ByUse, in no list;

    /// Lambda invocations.
    FunctionRequest:
        "request", "function request", Compute, ByUse, in "AWSLambda" as "Request" { "group": "AWS-Lambda-Requests" };

    /// Lambda x86 handler time, each call rounded up to 1 ms, times configured memory.
    FunctionGbSecond:
        "GB-second", "function duration", Compute, ByUse, in "AWSLambda" as "Lambda-GB-Second" { "group": "AWS-Lambda-Duration" };

    /// Lambda x86 initialisation time, rounded up to 1 ms, times configured memory; same price.
    FunctionInitGbSecond:
        "GB-second", "function init", Compute, ByUse, in no list;

    /// Lambda `/tmp` beyond 512 MB.
    FunctionDiskGbSecond:
        "GB-second", "function disk", Compute, ByUse, in "AWSLambda" as "Lambda-Storage-GB-Second" { "group": "AWS-Lambda-Storage-Duration" };

    /// DynamoDB on-demand write units: 1 per started KB.
    TableWriteUnit:
        "write unit", "table write", Store, ByUse, in "AmazonDynamoDB" as "WriteRequestUnits" { "group": "DDB-WriteUnits" };

    /// DynamoDB on-demand read units: 1 per started 4 KB, half when eventually consistent.
    TableReadUnit:
        "read unit", "table read", Store, ByUse, in "AmazonDynamoDB" as "ReadRequestUnits" { "group": "DDB-ReadUnits" };

    /// DynamoDB Standard tables, averaged over the month.
    TableGbMonth:
        "GB-month", "table storage", Store, ByTime, in "AmazonDynamoDB" as "TimedStorage-ByteHrs" { "productfamily": "Database Storage" };

    /// S3 PUT, COPY, POST and LIST requests, failed ones with status 4xx included.
    ObjectWriteRequest:
        "request", "object write", Store, ByUse, in "AmazonS3" as "Requests-Tier1" { "group": "S3-API-Tier1" };

    /// S3 GET and all other paid requests.
    ObjectReadRequest:
        "request", "object read", Store, ByUse, in "AmazonS3" as "Requests-Tier2" { "group": "S3-API-Tier2" };

    /// S3 Standard, averaged over the month.
    ObjectGbMonth:
        "GB-month", "object storage", Store, ByTime, in "AmazonS3" as "TimedStorage-ByteHrs" { "storageclass": "General Purpose", "volumetype": "Standard" };

    /// EFS Standard, averaged over the month; bursting throughput itself is free.
    FileGbMonth:
        "GB-month", "file storage", Store, ByTime, in "AmazonEFS" as "TimedStorage-ByteHrs" { "storageclass": "General Purpose" };

    /// EFS elastic throughput, read.
    FileReadGb:
        "GB", "EFS elastic read", Store, ByUse, in no list;

    /// EFS elastic throughput, written.
    FileWriteGb:
        "GB", "EFS elastic write", Store, ByUse, in no list;

    /// EC2 Linux on demand, by type.
    InstanceHour(String):
        "hour", "instance {}", Compute, ByTime, in "AmazonEC2" as "BoxUsage:{}" { "operatingsystem": "Linux", "tenancy": "Shared", "preinstalledsw": "NA", "capacitystatus": "Used", "operation": "RunInstances" };

    /// vCPU time of a burstable instance in unlimited mode beyond its credits, by family.
    SurplusVcpuHour(String):
        "vCPU-hour", "{} unlimited", Compute, ByTime, in "AmazonEC2" as "CPUCredits:{}" { "operatingsystem": "Linux" };

    /// Fargate x86 on demand, vCPUs a task is configured with.
    TaskVcpuHour:
        "vCPU-hour", "Fargate vCPU", Compute, ByTime, in "AmazonECS" as "Fargate-vCPU-Hours:perCPU" {};

    /// Fargate x86 on demand, memory a task is configured with.
    TaskGbHour:
        "GB-hour", "Fargate memory", Compute, ByTime, in "AmazonECS" as "Fargate-GB-Hours" {};

    /// Fargate Spot x86: as [`Dimension::TaskVcpuHour`].
    SpotTaskVcpuHour:
        "vCPU-hour", "Fargate Spot vCPU", Compute, ByTime, in no list;

    /// Fargate Spot x86: as [`Dimension::TaskGbHour`].
    SpotTaskGbHour:
        "GB-hour", "Fargate Spot memory", Compute, ByTime, in no list;

    /// Fargate, a task's disk beyond 20 GB.
    TaskDiskGbHour:
        "GB-hour", "Fargate disk", Compute, ByTime, in "AmazonECS" as "Fargate-EphemeralStorage-GB-Hours" {};

    /// EKS control planes, of versions in standard support.
    ClusterHour:
        "hour", "EKS cluster", Compute, ByTime, in "AmazonEKS" as "AmazonEKS-Hours:perCluster" {};

    /// ECR, images of private repositories, averaged over the month.
    ImageGbMonth:
        "GB-month", "image storage", Store, ByTime, in "AmazonECR" as "TimedStorage-ByteHrs" { "productfamily": "EC2 Container Registry" };

    /// Application load balancers.
    LoadBalancerHour:
        "hour", "load balancer", Front, ByTime, in "AWSELB" as "LoadBalancerUsage" { "operation": "LoadBalancing:Application", "locationtype": "AWS Region" };

    /// Load balancer capacity units: the highest of new connections ÷ 25/s, active connections ÷
    /// 3,000 and GB ÷ 1/h.
    LoadBalancerCapacityHour:
        "LCU-hour", "load balancer capacity", Front, ByUse, in "AWSELB" as "LCUUsage" { "operation": "LoadBalancing:Application", "locationtype": "AWS Region" };

    /// EBS gp2, provisioned.
    VolumeGbMonth:
        "GB-month", "volume gp2", Store, ByTime, in "AmazonEC2" as "EBS:VolumeUsage.gp2" {};

    /// EBS gp3, provisioned; 3,000 IOPS and 125 MB/s are in it.
    Gp3VolumeGbMonth:
        "GB-month", "volume gp3", Store, ByTime, in "AmazonEC2" as "EBS:VolumeUsage.gp3" {};

    /// NAT gateways.
    NatHour:
        "hour", "NAT gateway", Network, ByTime, in "AmazonEC2" as "NatGateway-Hours" { "operation": "NatGateway" };

    /// Through a NAT gateway, both ways.
    NatGb:
        "GB", "NAT transfer", Network, ByUse, in "AmazonEC2" as "NatGateway-Bytes" { "operation": "NatGateway" };

    /// Public IPv4 addresses in use.
    PublicIpv4Hour:
        "hour", "public IPv4", Network, ByTime, in "AmazonVPC" as "PublicIPv4:InUseAddress" { "group": "VPCPublicIPv4Address" };

    /// CloudWatch Logs ingestion, Standard class.
    LogIngestGb:
        "GB", "log ingestion", Logs, ByUse, in "AmazonCloudWatch" as "DataProcessing-Bytes" { "operation": "PutLogEvents" };

    /// CloudWatch Logs, kept, compressed by AWS.
    LogGbMonth:
        "GB-month", "log storage", Logs, ByTime, in "AmazonCloudWatch" as "TimedStorage-ByteHrs" { "productfamily": "Storage Snapshot" };

    /// Out of the region to the internet.
    InternetEgressGb:
        "GB", "internet egress", Network, ByUse, in no list;

    /// Between availability zones, counted once in each direction.
    CrossAzGb:
        "GB", "cross-zone transfer", Network, ByUse, in no list;
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
        self.entry().unit
    }

    /// The column it is billed in.
    pub fn group(&self) -> Group {
        self.entry().group
    }

    /// The instance type or family that it is of.
    pub fn of(&self) -> Option<&str> {
        match self {
            Self::InstanceHour(of) | Self::SurplusVcpuHour(of) => Some(of),
            _ => None,
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of() {
            Some(of) => f.write_str(&self.entry().words.replace("{}", of)),
            None => f.write_str(self.entry().words),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> Vec<Dimension> {
        let of = |of: fn(String) -> Dimension| of("t3.micro".to_owned());
        let typed = [of(Dimension::InstanceHour), of(Dimension::SurplusVcpuHour)];
        Dimension::all_plain().into_iter().chain(typed).collect()
    }

    #[test]
    fn every_dimension_has_words_and_a_product_of_its_own() {
        let (mut words, mut products) = (BTreeSet::new(), BTreeSet::new());
        for dimension in all() {
            let entry = dimension.entry();
            assert!(!entry.unit.is_empty() && words.insert(dimension.to_string()), "{dimension}");
            assert_eq!(entry.words.contains("{}"), dimension.of().is_some(), "{dimension}");
            if let Some(offer) = entry.offer {
                assert_eq!(offer.usage.contains("{}"), dimension.of().is_some(), "{dimension}");
                assert!(products.insert((offer.file, offer.usage, offer.having)), "{dimension}");
            }
        }
        // Of AWS's files; of the others the price is in no file, or is another dimension's.
        assert_eq!((words.len(), products.len()), (37, 28));
    }

    #[test]
    fn names_in_results_and_books_are_as_they_were() {
        let text = |dimension: &Dimension| serde_json::to_string(dimension).unwrap();
        assert_eq!(text(&Dimension::FunctionGbSecond), "\"function-gb-second\"");
        let instance = Dimension::InstanceHour("t2.micro".to_owned());
        assert_eq!(text(&instance), "{\"instance-hour\":\"t2.micro\"}");
    }
}
