//! `cargo xtask population`: a synthetic population as a file.
//!
//! `--people`, `--days`, `--seed` and `--from DATE` say who and when; `--format` is
//! `batches`, `ndjson`, `csv`, `people` or `expected`; `--out FILE` is where, else it is
//! printed. What must be stored of it is told on standard error.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use population::Plan;
use population::clock::parse_date;
use population::write::{Format, write};

/// Writes what the arguments ask for.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (plan, format, out) = read(arguments)?;
    let totals = match out {
        Some(path) => {
            let file = File::create(&path).with_context(|| path.clone())?;
            save(&plan, format, file).with_context(|| path)?
        }
        None => save(&plan, format, io::stdout().lock())?,
    };
    eprintln!("{}", totals.to_json());
    Ok(())
}

fn save(plan: &Plan, format: Format, out: impl Write) -> Result<population::Totals> {
    let mut out = BufWriter::new(out);
    let totals = write(plan, format, &mut out)?;
    out.flush()?;
    Ok(totals)
}

fn read(arguments: &[String]) -> Result<(Plan, Format, Option<String>)> {
    let (mut plan, mut format, mut out) = (Plan::default(), Format::Batches, None);
    let mut pairs = arguments.chunks_exact(2);
    for pair in pairs.by_ref() {
        let [name, value] = pair else { continue };
        match name.as_str() {
            "--people" => plan.people = number(name, value)?,
            "--days" => plan.days = number(name, value)?,
            "--seed" => plan.seed = number(name, value)?,
            "--batch" => plan.batch_readings = number(name, value)?,
            "--heart-rate-minutes" => plan.heart_rate_minutes = number(name, value)?,
            "--from" => {
                let day = parse_date(value);
                plan.first_day = day.context("--from: a date such as 2026-01-05")?;
            }
            "--format" => format = value.parse().map_err(|error| anyhow!("{error}"))?,
            "--out" => out = Some(value.clone()),
            _ => bail!(
                "unknown argument {name}; there are --people, --days, --seed, --from, --batch, \
                 --heart-rate-minutes, --format, --out"
            ),
        }
    }
    ensure!(pairs.remainder().is_empty(), "each argument has a value");
    Ok((plan, format, out))
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    let number = value.parse().ok();
    number.with_context(|| format!("{name}: a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_change_the_plan() {
        let text = "--people 3 --days 2 --seed 9 --from 2026-02-01 --format csv --out x";
        let (plan, format, out) = read(&arguments(text)).unwrap();
        assert_eq!((plan.people, plan.days, plan.seed), (3, 2, 9));
        assert_eq!(population::clock::date_text(plan.first_day), "2026-02-01");
        assert_eq!((format, out.as_deref()), (Format::Csv, Some("x")));
    }

    #[test]
    fn arguments_that_are_wrong_are_named() {
        for bad in ["--people", "--people x", "--format x", "--from 1", "--x 1"] {
            assert!(read(&arguments(bad)).is_err(), "{bad}");
        }
    }
}
