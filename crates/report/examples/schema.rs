//! Prints the schema of results.json:
//! `cargo run -p gearshift-report --example schema > crates/report/schema/results.schema.json`

fn main() {
    println!("{:#}", gearshift_report::json_schema());
}
