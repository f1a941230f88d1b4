//! The rows that stand, of every run of this user, as the verbs that change them find them.

use anyhow::{Result, bail};
use gearshift_deploy::{Standing, Target};
use gearshift_gear::RunId;

use crate::on::On;
use crate::verbs::Usage;

/// A row that stands.
pub struct Found {
    pub target: Box<dyn Target>,
    pub run: RunId,
    pub name: String,
    pub standing: Standing,
}

/// Every row of every run of this user, by run and name; nothing is started or made by looking.
pub async fn rows() -> Result<Vec<Found>> {
    let on = On::to_look();
    let mut found = Vec::new();
    for (run, bases) in on.live_runs() {
        for base in bases {
            let there = on.at(base);
            let world = there.target().observe(&run).await?;
            found.extend(world.rows.into_iter().map(|(name, standing)| Found {
                target: there.target(),
                run: run.clone(),
                name,
                standing,
            }));
        }
    }
    Ok(found)
}

/// The one row that is meant, `what` in words: of this run where one is named, and of those that fit.
///
/// # Errors
/// Where there is none, or several; both say what there is.
pub async fn one(run: Option<&RunId>, what: &str, fits: impl Fn(&Found) -> bool) -> Result<Found> {
    let all = rows().await?;
    let stand: Vec<String> = all.iter().map(|row| format!("{} ({})", row.name, row.run)).collect();
    let of_run = |row: &Found| run.is_none_or(|run| row.run == *run);
    let mut fitting: Vec<Found> = all.into_iter().filter(|row| of_run(row) && fits(row)).collect();
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 if stand.is_empty() => {
            bail!(Usage(format!("no {what} stands: nothing does → gearshift up ROW")))
        }
        0 => bail!(Usage(format!("no {what} stands here; what stands: {}", stand.join(", ")))),
        _ => {
            let runs: Vec<String> = fitting.iter().map(|row| row.run.to_string()).collect();
            bail!(Usage(format!(
                "several rows could be meant, of runs {} → --run RUN",
                runs.join(", ")
            )))
        }
    }
}
