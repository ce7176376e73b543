//! One file for each command.

mod build;
mod cron;
mod source;
mod up;

use crate::args::Command;
use crate::exit::CommandError;

/// Runs a command.
pub(crate) fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Build(args) => build::run(&args),
        Command::Cron(args) => cron::run(&args),
        Command::Up(args) => up::run(&args),
    }
}
