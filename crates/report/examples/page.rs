//! Renders a results file as the page: `page < results.json > report.html`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let results = serde_json::from_reader(std::io::stdin().lock())?;
    print!("{}", gearshift_report::html(&results)?);
    Ok(())
}
