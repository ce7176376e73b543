//! Structured logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;

/// Libraries that write headers, and with them tokens, at finer levels.
const QUIET: [&str; 3] = ["h2=info", "hyper=info", "rustls=info"];

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// Short coloured lines, for a person at a terminal.
    Text,
}

impl LogFormat {
    /// Text on a terminal, JSON elsewhere.
    pub fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Sends logs to standard error. `SUOKE_LOG` selects levels, `info` by default.
///
/// A second call changes nothing.
pub fn init_logs(format: LogFormat) {
    let mut filter =
        EnvFilter::try_from_env("SUOKE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    for directive in QUIET {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Json => registry
            .with(layer.json().flatten_event(true).with_current_span(false))
            .try_init(),
        LogFormat::Text => registry.with(layer.with_target(false)).try_init(),
    };
    // Only a second initialisation fails, and then logs already flow.
    drop(installed);
}
