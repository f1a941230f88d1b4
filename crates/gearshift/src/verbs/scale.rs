use anyhow::{Result, bail};
use clap::Args;
use gearshift_deploy::{Fence, Patience, Scale, Wanted, reach};
use gearshift_gear::{Row, RunId, Side};
use serde::Serialize;

use super::{Ended, Usage, block_on};
use crate::progress::Progress;
use crate::standing::{Found, one};
use crate::{interrupt, note, say, terminal};

#[derive(Args)]
pub struct ScaleVerb {
    /// The row and its members, or pools of it: `flex 3`, `clusters/cluster1=2 clusters/cluster2=6`
    #[arg(required = true, num_args = 1..)]
    what: Vec<String>,
    /// The run, where several rows of this name stand
    #[arg(long)]
    run: Option<RunId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A row, and how many members its pools shall have; a pool without a name is the row's only one.
#[derive(Debug, PartialEq, Eq)]
struct ScaleRequest {
    row: String,
    pools: Vec<(Option<String>, u32)>,
}

#[derive(Serialize)]
struct Report<'a> {
    run: &'a str,
    row: &'a str,
    scale: &'a Scale,
}

impl ScaleVerb {
    pub fn run(self) -> Result<Ended> {
        let asked = parse(&self.what).map_err(Usage)?;
        block_on(async {
            let fits = |row: &Found| row.name == asked.row;
            let what = format!("row `{}`", asked.row);
            let found = one(self.run.as_ref(), &what, fits).await?;
            let Some(spec) = found.standing.spec.clone() else {
                bail!(Usage(format!("{} does not tell what it was started as", found.name)));
            };
            let scale = scaled(&spec.row, found.standing.scale(), &asked).map_err(Usage)?;
            let mut want = found.target.observe(&found.run).await?.as_wanted();
            want.rows.insert(found.name.clone(), Wanted::standing(spec, scale.clone()));
            let progress = Progress::new();
            progress.say(format!("scaling {}", found.name));
            let fence = Fence::at(jiff::Timestamp::now());
            let patience = Patience { total: super::shift::PATIENCE, ..Patience::default() };
            let reached = reach(&*found.target, &found.run, &want, fence, patience);
            let reached = interrupt::or_stop(async { Ok(reached.await?) }).await?;
            drop(progress);
            if reached.is_none() {
                note!(
                    "interrupted: {} (run {}) goes on by itself to what was asked for → gearshift status",
                    found.name,
                    found.run
                );
                return Ok(Ended::Failed);
            }
            if self.json {
                let (run, row) = (found.run.as_str(), found.name.as_str());
                terminal::print_json(&Report { run, row, scale: &scale })?;
                return Ok(Ended::Well);
            }
            let pools = scale.sides.values().flat_map(|side| &side.members);
            let pools: Vec<_> = pools.map(|(pool, members)| format!("{pool} {members}")).collect();
            say!("{} (run {}): {}", found.name, found.run, pools.join(", "));
            Ok(Ended::Well)
        })
    }
}

/// `ROW N`, or any number of `ROW/POOL=N` of one row.
fn parse(what: &[String]) -> Result<ScaleRequest, String> {
    let number =
        |text: &str| text.parse::<u32>().map_err(|_| format!("`{text}` is no number of members"));
    if let [row, members] = what
        && !row.contains('=')
        && !members.contains('=')
    {
        return Ok(ScaleRequest { row: row.clone(), pools: vec![(None, number(members)?)] });
    }
    let usage = "expected ROW N or ROW/POOL=N, such as flex 3 or clusters/cluster1=2";
    let mut asked: Option<ScaleRequest> = None;
    for one in what {
        let (place, members) = one.split_once('=').ok_or_else(|| format!("`{one}`: {usage}"))?;
        let (row, pool) = place.split_once('/').ok_or_else(|| format!("`{one}`: {usage}"))?;
        let pool = (Some(pool.to_owned()), number(members)?);
        match &mut asked {
            Some(asked) if asked.row == row => asked.pools.push(pool),
            Some(asked) => return Err(format!("one row at a time: {} and {row}", asked.row)),
            None => asked = Some(ScaleRequest { row: row.to_owned(), pools: vec![pool] }),
        }
    }
    asked.ok_or_else(|| usage.to_owned())
}

/// This scale with the members asked for.
fn scaled(row: &Row, mut scale: Scale, asked: &ScaleRequest) -> Result<Scale, String> {
    for (pool, members) in &asked.pools {
        let (side, pool) = pool_of(row, &scale, pool.as_deref())?;
        if let Some(side) = scale.sides.get_mut(&side) {
            side.members.insert(pool, *members);
        }
    }
    scale.check(row).map_err(|error| error.to_string())?;
    Ok(scale)
}

/// The pool that is meant, on a side that stands.
fn pool_of(row: &Row, scale: &Scale, named: Option<&str>) -> Result<(Side, String), String> {
    let stand = scale
        .sides
        .iter()
        .flat_map(|(side, scale)| scale.members.keys().map(|pool| (*side, pool.clone())));
    let mut fitting: Vec<_> =
        stand.filter(|(_, pool)| named.is_none_or(|named| named == pool)).collect();
    let name = &row.name;
    match (fitting.len(), named) {
        (1, _) => Ok(fitting.remove(0)),
        (0, None) if row.sides().len() > 1 => {
            Err(format!("{name} has no tasks now → gearshift shift up --members N"))
        }
        (0, None) => {
            Err(format!("the members of {name} follow its requests: there is no number to set"))
        }
        (0, Some(named)) => {
            let known: Vec<_> = scale.sides.values().flat_map(|side| side.members.keys()).collect();
            Err(format!(
                "{name} has no pool `{named}` whose members could be set; it has: {known:?}"
            ))
        }
        _ => {
            let pools: Vec<_> =
                fitting.iter().map(|(_, pool)| format!("{name}/{pool}=N")).collect();
            Err(format!("{name} has several pools → gearshift scale {}", pools.join(" or ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(what: &[&str]) -> Result<ScaleRequest, String> {
        parse(&what.iter().map(|&one| one.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_row_or_its_pools() {
        let flex = ScaleRequest { row: "flex".into(), pools: vec![(None, 3)] };
        assert_eq!(parsed(&["flex", "3"]), Ok(flex));
        let pools = vec![(Some("cluster1".into()), 2), (Some("cluster2".into()), 6)];
        let clusters = ScaleRequest { row: "clusters".into(), pools };
        assert_eq!(parsed(&["clusters/cluster1=2", "clusters/cluster2=6"]), Ok(clusters));
        for bad in [&["flex"][..], &["flex", "many"], &["a/b=1", "c/d=1"], &["a=1"], &["a/b=-1"]] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }
}
