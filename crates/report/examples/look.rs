#[path = "../tests/common/mod.rs"]
mod common;
fn main() {
    let r = match std::env::args().nth(1) { Some(p) => serde_json::from_str(&std::fs::read_to_string(p).unwrap()).unwrap(), None => common::results() };
    let a = gearshift_report::Artefacts { report: ".gearshift/runs/7f3a/report.html", next: &["gearshift up ec2"] };
    for w in [100, 60] { println!("{}\n-----", gearshift_report::table(&r, w, &a)); }
    std::fs::write("/tmp/gs/report.md", gearshift_report::markdown(&r)).unwrap();
    std::fs::write("/tmp/gs/report.html", gearshift_report::html(&r).unwrap()).unwrap();
    println!("{}", gearshift_report::readme_table(&r));
    let mut b = r.clone(); b.seed = 7; b.rows.pop();
    println!("{}", gearshift_report::diff_table(&gearshift_compare::diff(&r, &b)));
}
