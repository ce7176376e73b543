//! `cargo xtask bench`: the same work as a function, natively and elsewhere.
//!
//! Figures move between machines and hours, so only ratios from one run count:
//! the servers take turns, several rounds, each alone on one core while the
//! load has the other. The best round of each is shown. `cargo xtask bench events`
//! measures events instead; `gateway`, `login`, `read` and `limits` measure the
//! application itself, and `health` its readings.

mod events;
mod health;
mod life;
mod load;
mod server;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use load::{Measured, Work};
use server::Server;

const ROUNDS: usize = 3;
const WARM_UP_SECONDS: u32 = 1;
/// Pause that lets the connections of the round before end.
const PAUSE: Duration = Duration::from_millis(200);

/// Where everything is that takes part.
struct Options {
    suoke: PathBuf,
    native: PathBuf,
    guests: PathBuf,
    wasmtime: Option<PathBuf>,
    seconds: u32,
}

/// Measures and prints a table.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if let Some((first, rest)) = arguments.split_first() {
        if first == "events" {
            return events::run(root, rest);
        }
        if first == "health" {
            return health::run(root, rest);
        }
        if let Some(what) = life::What::named(first) {
            return life::run(root, what, &options(rest)?);
        }
    }
    let options = options(arguments)?;
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let works = load::works(root, &folder)?;
    let mut best: Vec<(String, &Work, Measured)> = Vec::new();
    for round in 1..=ROUNDS {
        for work in &works {
            for server in servers(&options, &folder, work)? {
                let measured = measure(&server, work, options.seconds)
                    .with_context(|| format!("{} under {}", work.name, server.name))?;
                eprintln!("round {round}: {} {}: {measured}", work.name, server.name);
                keep_best(&mut best, server.name, work, measured);
            }
        }
    }
    print!("{}", table(&best));
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options> {
    let mut pairs = arguments.chunks_exact(2);
    let (mut suoke, mut native, mut guests, mut wasmtime, mut seconds) =
        (None, None, None, None, 5);
    for pair in pairs.by_ref() {
        let [name, value] = pair else { continue };
        match name.as_str() {
            "--suoke" => suoke = Some(PathBuf::from(value)),
            "--native" => native = Some(PathBuf::from(value)),
            "--guests" => guests = Some(PathBuf::from(value)),
            "--wasmtime" => wasmtime = Some(PathBuf::from(value)),
            "--seconds" => seconds = value.parse().context("--seconds: a number")?,
            _ => bail!("unknown argument {name}"),
        }
    }
    ensure!(pairs.remainder().is_empty(), "each argument has a value");
    Ok(Options {
        suoke: suoke.context("--suoke: where the host is")?,
        native: native.context("--native: where the native server is")?,
        guests: guests.context("--guests: where the components are")?,
        wasmtime,
        seconds,
    })
}

/// The servers in the order they are shown; the native one first.
fn servers(options: &Options, folder: &Path, work: &Work) -> Result<Vec<Server>> {
    let mut servers = vec![
        Server::native(&options.native),
        Server::suoke(&options.suoke, &options.guests, folder)?,
    ];
    if let Some(wasmtime) = &options.wasmtime {
        servers.push(Server::wasmtime(wasmtime, &options.guests, work.name));
    }
    Ok(servers)
}

fn measure(server: &Server, work: &Work, seconds: u32) -> Result<Measured> {
    let running = server.start()?;
    load::check(&running, work)?;
    load::run(&running, work, WARM_UP_SECONDS)?;
    let measured = load::run(&running, work, seconds);
    drop(running);
    std::thread::sleep(PAUSE);
    measured
}

fn keep_best<'w>(
    best: &mut Vec<(String, &'w Work, Measured)>,
    server: &str,
    work: &'w Work,
    measured: Measured,
) {
    let known = best
        .iter_mut()
        .find(|(name, known, _)| name == server && known.name == work.name);
    match known {
        Some((_, _, known)) if measured.per_second > known.per_second => *known = measured,
        Some(_) => {}
        None => best.push((server.to_owned(), work, measured)),
    }
}

fn table(best: &[(String, &Work, Measured)]) -> String {
    let mut text = String::from(
        "| work | server | requests/s | of native | CPU µs/request | of native | p50 | p99 |\n\
         |---|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for (server, work, measured) in best {
        let native = best.iter().find(|(_, other, _)| other.name == work.name);
        let (rate, cpu) = native.map_or((1.0, 1.0), |(_, _, native)| {
            (
                measured.per_second / native.per_second,
                measured.cpu_us / native.cpu_us,
            )
        });
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {server} | {:.0} | {rate:.2} | {:.1} | {cpu:.2} | {} | {} |",
            work.name, measured.per_second, measured.cpu_us, measured.p50, measured.p99,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(per_second: f64) -> Measured {
        Measured {
            requests: 1,
            per_second,
            cpu_us: 1e6 / per_second,
            p50: "1ms".to_owned(),
            p99: "2ms".to_owned(),
        }
    }

    #[test]
    fn the_best_round_is_shown_beside_the_native_one() {
        let work = Work::sample();
        let mut best = Vec::new();
        for rate in [100_000.0, 120_000.0, 110_000.0] {
            keep_best(&mut best, "native", &work, measured(rate));
            keep_best(&mut best, "suoke", &work, measured(rate / 2.0));
        }
        let table = table(&best);
        assert!(table.contains("| hello | native | 120000 | 1.00 | 8.3 | 1.00 | 1ms | 2ms |"));
        assert!(
            table.contains("| hello | suoke | 60000 | 0.50 | 16.7 | 2.00 |"),
            "{table}"
        );
    }
}
