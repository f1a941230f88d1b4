//! A service that may run on functions or on tasks, and what that costs.

use gearshift_gear::metering::Carried;
use gearshift_gear::{Dimension, Front, LOAD_BALANCER_ZONES, metering};
use gearshift_policy::{BURSTINESS, Economics};
use gearshift_price::{Confidence, Price, PriceBook, PriceError};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// The two gears of a flex setup, in the figures that decide between them.
///
/// Left out, since it is the same in both gears: stores, logs, transfer to the internet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// A function's size, MB.
    pub memory_mb: u32,
    /// Billed duration of a call, milliseconds.
    pub duration_ms: Decimal,
    /// What stands before the function when requests go there directly.
    pub front: Front,
    pub task_milli_vcpu: u32,
    pub task_memory_mb: u32,
    pub spot: bool,
    /// Requests a second at which one task is saturated.
    pub task_per_s: Decimal,
    /// Request and answer together, kilobytes: what the load balancer counts.
    pub kb_per_request: Decimal,
    /// Capacity-unit hours of one request, as metered; none: of `kb_per_request`, with ten requests
    /// on a connection.
    #[serde(default)]
    pub lcu_hours_per_request: Option<Decimal>,
    /// The load balancer is paid for by others: only its capacity units count.
    pub shared_lb: bool,
    /// What AWS gives every account each month for good is taken off; decisions do not know of it.
    #[serde(default)]
    pub free_tier: bool,
    /// Where these come from, in words.
    pub source: String,
}

/// Requests on one connection to the load balancer, at least: browsers and clients keep them.
const REQUESTS_PER_CONNECTION: u32 = 10;

impl Default for Service {
    /// The profile *api* of the policy suite: a service of middling weight; nobody measured it.
    fn default() -> Self {
        Self {
            memory_mb: 512,
            duration_ms: Decimal::from(60),
            front: Front::HttpApi,
            task_milli_vcpu: 500,
            task_memory_mb: 1024,
            spot: false,
            task_per_s: Decimal::from(50),
            kb_per_request: Decimal::from(5),
            lcu_hours_per_request: None,
            shared_lb: false,
            free_tier: false,
            source: "assumed: 60 ms at 512 MB, 50 requests/s from half a vCPU".to_owned(),
        }
    }
}

/// More requests a second than any service has; sums stay exact below it.
pub const MOST_PER_S: u32 = 10_000_000;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EconomicsError {
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error("{what} of {value} cannot be planned with → {range}")]
    OutOfRange { what: &'static str, value: Decimal, range: &'static str },
    #[error("a peak of {per_s} requests/s is more than can be planned with → {MOST_PER_S} at most")]
    TooMuch { per_s: Decimal },
    #[error("no function stands behind a {0} front → choose http-api or rest-api")]
    Front(Front),
    #[error("{0} costs more than can be counted → correct the service's figures")]
    TooDear(&'static str),
}

/// A price that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceUsed {
    pub what: String,
    pub usd: Decimal,
    pub unit: String,
    pub effective: String,
    pub low_confidence: bool,
    /// It could not be fetched anew.
    #[serde(default)]
    pub stale: bool,
}

/// A service with its prices.
#[derive(Clone, Debug)]
pub struct Priced {
    pub service: Service,
    pub region: String,
    pub economics: Economics,
    /// The prices that take part, as they are listed.
    pub prices_used: Vec<PriceUsed>,
    /// What is billed by, with the free tier where the service has it.
    pub prices: Prices,
}

/// What the two gears are billed by.
#[derive(Clone, Debug)]
pub struct Prices {
    pub front: Price,
    pub request: Price,
    pub gb_second: Price,
    pub lb_hour: Price,
    pub lcu_hour: Price,
    pub ipv4_hour: Price,
    pub vcpu_hour: Price,
    pub gb_hour: Price,
}

impl Prices {
    fn of(service: &Service, book: &PriceBook) -> Result<Self, EconomicsError> {
        let front = match service.front {
            Front::HttpApi => Dimension::HttpApiRequest,
            Front::RestApi => Dimension::RestApiRequest,
            other => return Err(EconomicsError::Front(other)),
        };
        let price = |dimension: &Dimension| book.price(dimension).cloned();
        let (vcpu, gb) = Dimension::of_task(service.spot);
        Ok(Self {
            front: price(&front)?,
            request: price(&Dimension::FunctionRequest)?,
            gb_second: price(&Dimension::FunctionGbSecond)?,
            lb_hour: price(&Dimension::LoadBalancerHour)?,
            lcu_hour: price(&Dimension::LoadBalancerCapacityHour)?,
            ipv4_hour: price(&Dimension::PublicIpv4Hour)?,
            vcpu_hour: price(&vcpu)?,
            gb_hour: price(&gb)?,
        })
    }

    /// In the order of a request's way.
    fn used(&self) -> Vec<PriceUsed> {
        let all = [
            &self.front,
            &self.request,
            &self.gb_second,
            &self.lb_hour,
            &self.lcu_hour,
            &self.ipv4_hour,
            &self.vcpu_hour,
            &self.gb_hour,
        ];
        let used = |price: &Price| PriceUsed {
            what: price.dimension.to_string(),
            usd: price.first_usd(),
            unit: price.unit.clone(),
            effective: price.effective.to_string(),
            low_confidence: price.confidence == Confidence::Low,
            stale: price.stale_since.is_some(),
        };
        all.map(used).to_vec()
    }
}

impl Priced {
    /// Prices a service. `shift` is what sparing one shift is worth, US dollars.
    pub fn new(service: Service, book: &PriceBook, shift: Decimal) -> Result<Self, EconomicsError> {
        for (what, value, most, range) in [
            // Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
            (
                "a function's memory, MB,",
                service.memory_mb.into(),
                10_240,
                "above zero, 10,240 at most",
            ),
            ("a duration, ms,", service.duration_ms, 900_000, "above zero, 15 minutes at most"),
            // Source: docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html.
            (
                "a task's vCPU, in thousandths,",
                service.task_milli_vcpu.into(),
                16_000,
                "above zero, 16 vCPU at most",
            ),
            (
                "a task's memory, MB,",
                service.task_memory_mb.into(),
                122_880,
                "above zero, 120 GB at most",
            ),
            (
                "a task's requests/s",
                service.task_per_s,
                MOST_PER_S,
                "above zero, 10 million at most",
            ),
        ] {
            if value <= Decimal::ZERO || value > Decimal::from(most) {
                return Err(EconomicsError::OutOfRange { what, value, range });
            }
        }
        let listed = Prices::of(&service, book)?;
        let economics = economics(&service, &listed, shift)?;
        let prices_used = listed.used();
        let prices = match service.free_tier {
            true => Prices::of(&service, &book.with_free_tier())?,
            false => listed,
        };
        Ok(Self { service, region: book.name().to_owned(), economics, prices_used, prices })
    }
}

impl Service {
    /// GB-seconds of one call: whole milliseconds, 1,024 MB to the GB.
    pub fn gb_seconds(&self) -> Decimal {
        let ms = self.duration_ms.ceil().to_u64().unwrap_or(u64::MAX);
        metering::function_gb_seconds(ms, self.memory_mb)
    }

    /// Capacity-unit hours of one request.
    pub fn lcu_hours(&self) -> Decimal {
        if let Some(metered) = self.lcu_hours_per_request {
            return metered;
        }
        let connections = Decimal::from(REQUESTS_PER_CONNECTION) * Decimal::from(3600);
        let carried = Carried {
            gb_per_hour: self.kb_per_request / Decimal::from(1_000_000),
            new_connections_per_s: Decimal::ONE / connections,
            ..Carried::default()
        };
        metering::capacity_units(&carried, false)
    }

    pub fn task_gb(&self) -> Decimal {
        Decimal::from(self.task_memory_mb) / Decimal::from(metering::MB_PER_GB)
    }

    pub fn task_vcpu(&self) -> Decimal {
        Decimal::new(self.task_milli_vcpu.into(), 3)
    }

    /// Hours of public addresses for one of the load balancer.
    pub fn lb_addresses(&self) -> Decimal {
        if self.shared_lb { Decimal::ZERO } else { LOAD_BALANCER_ZONES.into() }
    }
}

/// Requests a second that a new account's functions take behind API Gateway: 10,000 requests/s and
/// 1,000 calls at once. Sources: docs.aws.amazon.com/apigateway/latest/developerguide/limits.html,
/// docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
fn function_per_s(service: &Service) -> f64 {
    const GATEWAY_PER_S: f64 = 10_000.0;
    const AT_ONCE: f64 = 1_000.0;
    let seconds = service.duration_ms.to_f64().unwrap_or(f64::MAX) / 1000.0;
    (AT_ONCE / seconds).min(GATEWAY_PER_S)
}

fn economics(
    service: &Service,
    prices: &Prices,
    shift: Decimal,
) -> Result<Economics, EconomicsError> {
    let count = |usd: Decimal, unit: Decimal, what| {
        (usd * unit).round().to_i64().ok_or(EconomicsError::TooDear(what))
    };
    let (pico, nano) = (Decimal::from(1_000_000_000_000u64), Decimal::from(1_000_000_000u64));
    let call = prices.request.first_usd() + prices.gb_second.first_usd() * service.gb_seconds();
    let lb_hour = match service.shared_lb {
        true => Decimal::ZERO,
        false => prices.lb_hour.first_usd() + prices.ipv4_hour.first_usd() * service.lb_addresses(),
    };
    let task_hour = prices.vcpu_hour.first_usd() * service.task_vcpu()
        + prices.gb_hour.first_usd() * service.task_gb()
        + prices.ipv4_hour.first_usd();
    Ok(Economics {
        function_request: count(prices.front.first_usd() + call, pico, "a request")?,
        spill_request: count(call, pico, "a call")?,
        lb_request: count(
            prices.lcu_hour.first_usd() * service.lcu_hours(),
            pico,
            "a request at the load balancer",
        )?,
        lb_hour: count(lb_hour, nano, "an hour of the load balancer")?,
        task_hour: count(task_hour, nano, "an hour of a task")?,
        task_per_s: service.task_per_s.to_f64().unwrap_or(f64::MAX),
        burstiness: BURSTINESS,
        shift: count(shift, nano, "a shift")?,
        // What one Fargate service may have: 5,000 tasks. Source: Amazon ECS service quotas.
        max_tasks: 5000,
        function_per_s: Some(function_per_s(service)),
    })
}
