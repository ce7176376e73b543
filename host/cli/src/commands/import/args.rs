//! The arguments of `suoke import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `suoke import`
#[derive(Debug, Args)]
#[command(after_help = "The token is read from --token-file, or else from SUOKE_TOKEN.")]
pub(crate) struct ImportArgs {
    /// The export, CSV or NDJSON, in UTF-8
    pub(crate) file: PathBuf,
    /// Where the application serves requests
    #[arg(
        long,
        env = "SUOKE_URL",
        default_value = "http://127.0.0.1:3000",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// Holds the access token of the user, or of an operator
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How the file is written [default: ndjson where its name ends in .ndjson or .jsonl, else csv]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// Belongs to times without one, such as +08:00
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) offset: Option<String>,
    /// Where refused lines are named, with the reason [default: the file's name with .rejects.csv]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Name of the import, to go on with it [default: made of the file's path and first line]
    #[arg(long, value_name = "ID")]
    pub(crate) import_id: Option<String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON object in each line.
    Ndjson,
}
