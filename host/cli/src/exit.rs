//! Exit codes: 0 done, 1 failed while running, 64 wrong arguments or files.

use std::process::ExitCode;

use miette::Diagnostic;

const FAILED: u8 = 1;
const USAGE: u8 = 64;

/// Why a command did not succeed.
pub(crate) enum CommandError {
    /// Arguments or files are wrong: nothing was started.
    Input(Box<dyn std::error::Error>),
    /// A file is wrong at a known place.
    File(Box<dyn Diagnostic + Send + Sync>),
    /// Something failed while running.
    Running(Box<dyn std::error::Error>),
}

impl CommandError {
    /// Wrong arguments or files.
    pub(crate) fn input(error: impl Into<Box<dyn std::error::Error>>) -> Self {
        Self::Input(error.into())
    }

    /// A failure while running.
    pub(crate) fn running(error: impl Into<Box<dyn std::error::Error>>) -> Self {
        Self::Running(error.into())
    }
}

/// Reports a command's end.
pub(crate) fn code(outcome: Result<(), CommandError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::File(diagnostic)) => {
            eprintln!("{:?}", miette::Report::new_boxed(diagnostic));
            ExitCode::from(USAGE)
        }
        Err(CommandError::Input(error)) => {
            eprintln!("error: {error}");
            ExitCode::from(USAGE)
        }
        Err(CommandError::Running(error)) => {
            eprintln!("error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Reports wrong arguments; asking for help or the version is not wrong.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Printing fails only when the terminal is gone.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}
