//! What shifting would have saved over a year.

use gearshift_plan::{Priced, Service, Shape, volume};
use gearshift_price::PriceBook;
use rust_decimal::Decimal;

fn api() -> Priced {
    let book = PriceBook::region("us-east-1").unwrap();
    Priced::new(Service::default(), book, Decimal::ZERO).unwrap()
}

#[test]
fn a_year_takes() {
    for shape in [Shape::Steady, Shape::Office] {
        for millions in [1u32, 10, 30, 100, 300] {
            let start = std::time::Instant::now();
            let one =
                volume(&shape, Decimal::from(millions) * Decimal::from(1_000_000), 28, &api())
                    .unwrap();
            println!(
                "{} {millions} M {:?} {:.2} {:.2} {:.2} saved {:.2} shifts {:.2} refused {:.4} fn {:.2}",
                shape.name(),
                start.elapsed(),
                one.function.billed.usd,
                one.tasks.billed.usd,
                one.flex.billed.usd,
                one.saved_per_year(),
                one.flex.shifts_per_day,
                one.tasks.refused,
                one.at_function
            );
        }
    }
}
