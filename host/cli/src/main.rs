//! The `suoke` command.

mod args;
mod client;
mod commands;
mod exit;
mod table;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    quiet_backtraces();
    match args::Cli::try_parse() {
        Ok(cli) => exit::code(commands::run(cli.command)),
        Err(error) => exit::usage(&error),
    }
}

/// With `RUST_BACKTRACE` set, the engine would collect a backtrace for every
/// instance it drops; panics still show theirs.
#[expect(
    unsafe_code,
    reason = "no other thread exists yet that could read the environment"
)]
fn quiet_backtraces() {
    // SAFETY: this runs first, before any thread is started.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
}
