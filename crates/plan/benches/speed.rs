//! How fast the optimum, a controller's step and reading a log are, each beside a peer of the same
//! run: `cargo bench -p gearshift-plan`.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gearshift_economics::{Priced, Service};
use gearshift_plan::Name;
use gearshift_policy::{
    Demand, Flex, Observation, Simulation, State, Synthetic, Timing, optimum, replay, step,
};
use gearshift_price::PriceBook;
use rust_decimal::Decimal;

fn main() {
    let book = PriceBook::shipped("us-east-1").expect("a book of ours");
    let priced = Priced::new(Service::default(), &book, Decimal::ZERO).expect("it has all prices");
    let economics = &priced.economics;
    let timing = Timing::minutes();

    // As long as the football trace of 1998 and as high: 125,310 minutes, up to 90 tasks.
    let day = Synthetic::Diurnal { level: 1.0, noise: 0.2 }.arrivals(1, 100.0, 125_310);
    let crowds =
        Synthetic::Crowds { level: 2.0, height: 250.0, per_day: 1.0 }.arrivals(2, 10.4, 125_310);
    let rates: Vec<f64> = day.iter().zip(&crowds).map(|(a, b)| a + b).collect();
    let demand = Demand { begins_s: 0, per_s: &rates };
    let took = |work: &mut dyn FnMut()| {
        let best = (0..3).map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        });
        best.min().unwrap_or(Duration::MAX)
    };
    let exact = took(&mut || {
        std::hint::black_box(optimum(&rates, economics, &timing, &Simulation::function()));
    });
    let flex = took(&mut || {
        let mut state = State::Flex(Flex::new());
        replay(&mut state, demand, economics, &timing, &Simulation::function(), |_, _, _| {});
    });
    let function = took(&mut || {
        let mut state = Name::AlwaysFunction.state(1);
        replay(&mut state, demand, economics, &timing, &Simulation::function(), |_, _, _| {});
    });
    println!(
        "125,310 minutes: optimum {:.2} s (bar 1.0), flex {:.2} s, always function {:.3} s; optimum ÷ flex {:.2}",
        exact.as_secs_f64(),
        flex.as_secs_f64(),
        function.as_secs_f64(),
        exact.as_secs_f64() / flex.as_secs_f64()
    );

    let mut state = State::Flex(Flex::new());
    let mut seen = Observation { at_s: 0, tick_s: 60, per_s: None, world: Simulation::function() };
    let mut worst = Duration::ZERO;
    let mut all = Duration::ZERO;
    const STEPS: u32 = 20_000;
    for tick in 0..STEPS {
        // Around 200 tasks.
        seen.per_s = Some(9000.0 + f64::from(tick % 7) * 100.0);
        seen.at_s += 60;
        let began = Instant::now();
        let (want, _) = step(&mut state, economics, &timing, &seen);
        let took = began.elapsed();
        all += took;
        worst = worst.max(took);
        seen.world.pass(want, 9000.0, true, economics, &timing);
    }
    println!(
        "a step at {} tasks: {:.1} µs on average (bar 50), {:.0} µs the slowest",
        seen.world.serving,
        all.as_secs_f64() * 1e6 / f64::from(STEPS),
        worst.as_secs_f64() * 1e6
    );

    log();
}

/// Reads 256 MB of an access log, plain and compressed, beside `gzip -dc`.
fn log() {
    let folder = std::env::temp_dir().join(format!("gearshift-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the log");
    let plain = folder.join("access.log");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&plain).expect("a log"));
    let mut bytes = 0u64;
    let mut second = 0u64;
    let mut number = 12_345u64;
    while bytes < 256 << 20 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        second += u64::from(number >> 61 == 0);
        let (host, path, size) = (number >> 56, (number >> 40) % 997, (number >> 20) % 90_000);
        let (hour, minute, s) = (second / 3600 % 24, second / 60 % 60, second % 60);
        let line = format!(
            "10.0.{host}.7 - - [{:02}/Jul/2026:{hour:02}:{minute:02}:{s:02} +0000] \"GET /things/{path} HTTP/1.1\" 200 {size} \"https://example.com/\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
            1 + second / 86_400 % 28
        );
        file.write_all(line.as_bytes()).expect("room for a log");
        bytes += line.len() as u64;
    }
    file.flush().expect("room for a log");
    let read = |path: &std::path::Path| {
        let began = Instant::now();
        let trace = gearshift_demand::read(path, &Default::default(), |_| {}).expect("a log");
        std::hint::black_box(trace);
        bytes as f64 / 1e6 / began.elapsed().as_secs_f64()
    };
    println!("an access log: {:.0} MB/s of text, plain (bar 500)", read(&plain));
    let zipped = Command::new("gzip").arg("-k").arg(&plain).status();
    if zipped.is_ok_and(|status| status.success()) {
        let zipped = folder.join("access.log.gz");
        let ours = read(&zipped);
        let began = Instant::now();
        let peer = Command::new("gzip").arg("-dc").arg(&zipped).stdout(Stdio::null()).status();
        peer.expect("gzip ran before");
        let theirs = bytes as f64 / 1e6 / began.elapsed().as_secs_f64();
        println!(
            "compressed: {ours:.0} MB/s of text (bar 500 or what gzip gives: {theirs:.0}, ratio {:.2})",
            ours / theirs
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}
