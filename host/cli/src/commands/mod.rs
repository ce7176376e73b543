//! One file for each command.

mod build;
mod cron;
mod events;
mod import;
mod source;
mod up;

pub(crate) use events::EventsArgs;
pub(crate) use import::ImportArgs;

use crate::args::Command;
use crate::exit::CommandError;

/// Runs a command.
pub(crate) fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Build(args) => build::run(&args),
        Command::Cron(args) => cron::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Up(args) => up::run(&args),
    }
}
