//! What is too long for a shell script: `cargo xtask tidy`, `cargo xtask bench`,
//! `cargo xtask population`.

mod bench;
mod population;
mod tidy;
mod tree;

use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    match arguments.first().map(String::as_str) {
        Some("tidy") => report(&tidy::violations(&tree::Tree::read()?)?),
        Some("bench") => bench::run(&tree::root()?, arguments.get(1..).unwrap_or_default()),
        Some("population") => population::run(arguments.get(1..).unwrap_or_default()),
        _ => bail!("usage: cargo xtask tidy, cargo xtask population, or scripts/bench"),
    }
}

fn report(violations: &[String]) -> Result<()> {
    for violation in violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        count => bail!("{count} places are not tidy"),
    }
}
