//! The command line, with Spin's names.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{EventsArgs, ImportArgs};

/// Runs applications made of WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "suoke", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the components of an application
    #[command(alias = "b")]
    Build(BuildArgs),
    /// See and run the schedules of a running host
    Cron(CronArgs),
    /// See and steer the events of a running application
    Events(EventsArgs),
    /// Send an export of readings to a running application
    Import(Box<ImportArgs>),
    /// Run an application
    #[command(alias = "u")]
    Up(Box<UpArgs>),
}

/// Which application.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Source {
    /// Manifest file or its folder [default: spin.toml here or in a folder above]
    #[arg(short = 'f', long = "from", visible_aliases = ["file", "from-file"], value_name = "SOURCE")]
    pub(crate) from: Option<PathBuf>,
    /// Values of this profile replace those of the components
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// Only this component; may be repeated
    #[arg(short = 'c', long = "component-id", value_name = "ID")]
    pub(crate) components: Vec<String>,
}

/// `suoke build`
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Run the application after building; what follows goes to `up`
    #[arg(short = 'u', long)]
    pub(crate) up: bool,
    /// Arguments of `up`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, requires = "up")]
    pub(crate) up_args: Vec<String>,
}

/// `suoke cron`
#[derive(Debug, Args)]
pub(crate) struct CronArgs {
    #[command(subcommand)]
    pub(crate) command: CronCommand,
}

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// List the schedules: how the last firing went, and the next five
    List {
        #[command(flatten)]
        admin: AdminArgs,
        /// How to print them
        #[arg(long, default_value = "plain", value_enum)]
        format: Format,
    },
    /// Run the function of a schedule now, beside the schedule, and wait for its end
    Run {
        /// The id of the trigger
        name: String,
        /// Instant that the function is told it runs for, such as 2026-01-31T02:00:00Z [default: now]
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Which running host.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// Where the host listens for operators
    #[arg(
        long,
        env = "SUOKE_ADMIN_URL",
        default_value = "http://127.0.0.1:3001",
        value_name = "URL"
    )]
    pub(crate) admin: String,
}

/// `suoke up`
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Build first
    #[arg(long, env = "SPIN_ALWAYS_BUILD")]
    pub(crate) build: bool,
    /// Environment variable for all components; may be repeated
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) environment: Vec<(String, String)>,
    /// Value of an application variable: KEY=VALUE or KEY=@FILE; may be repeated
    #[arg(long = "variable", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) variables: Vec<(String, String)>,
    /// Runtime configuration [default: runtime-config.toml beside the manifest, if there]
    #[arg(long, env = "RUNTIME_CONFIG_FILE", value_name = "FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,
    /// Folder of the default stores [default: .spin beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Set a value in the key-value store `default` first; may be repeated
    #[arg(long = "key-value", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) key_values: Vec<(String, String)>,
    /// Run SQL in the database `default`, or a file's SQL in the one named, before the start; may be repeated
    #[arg(long = "sqlite", value_name = "SQL|@FILE[:LABEL]")]
    pub(crate) statements: Vec<String>,
    /// Mount folders as they are instead of copying them
    #[arg(long)]
    pub(crate) direct_mounts: bool,
    /// Let components change their files; what they write is lost at the end
    #[arg(long)]
    pub(crate) allow_transient_write: bool,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Sockets of `suoke up`.
#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address to serve requests on; port 0 lets the system choose
    #[arg(long, env = "SPIN_HTTP_LISTEN_ADDR", default_value = "127.0.0.1:3000", value_name = "ADDR", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Try the next ports when the port is taken
    #[arg(long)]
    pub(crate) find_free_port: bool,
    /// Address for operators: metrics and health
    #[arg(long, env = "SUOKE_ADMIN_LISTEN", default_value = "127.0.0.1:3001", value_name = "ADDR", value_parser = address)]
    pub(crate) admin_listen: SocketAddr,
    /// Certificate for HTTPS, PEM
    #[arg(long, env = "SPIN_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, env = "SPIN_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Size of a request's head over HTTP/1, in bytes
    #[arg(long, env = "SPIN_HTTP1_MAX_BUF_SIZE", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(8192..))]
    pub(crate) http1_max_buf_size: Option<u64>,
    /// Threads that serve requests [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) workers: Option<u16>,
}

/// Output of `suoke up`.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Folder of the components' output [default: logs in the state folder]; "" for none
    #[arg(short = 'L', long, env = "SPIN_LOG_DIR", value_name = "DIR")]
    pub(crate) log_dir: Option<PathBuf>,
    /// Throw earlier output away
    #[arg(long)]
    pub(crate) truncate_logs: bool,
    /// Show no component's output
    #[arg(short, long, visible_aliases = ["sh", "shush"], conflicts_with = "follow")]
    pub(crate) quiet: bool,
    /// Show only this component's output; may be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) follow: Vec<String>,
    /// How to print where the application is served
    #[arg(long, default_value = "plain", value_enum)]
    pub(crate) format: Format,
}

/// Engine of `suoke up`.
#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// Folder of caches, such as compiled code [default: suoke in the user's cache folder]
    #[arg(long = "cache-dir", env = "SUOKE_CACHE_DIR", value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Compile at every start
    #[arg(long, conflicts_with = "cache_dir")]
    pub(crate) disable_cache: bool,
    /// Reserve no memory for instances in advance
    #[arg(long)]
    pub(crate) disable_pooling: bool,
    /// Keep what a debugger needs in compiled code
    #[arg(long)]
    pub(crate) debug_info: bool,
    /// Linear memory of one instance, all memories together, in bytes
    #[arg(long, env = "SPIN_MAX_INSTANCE_MEMORY", value_name = "BYTES")]
    pub(crate) max_instance_memory: Option<usize>,
    /// Calls one instance may serve
    #[arg(long, value_name = "N|A..B", value_parser = count)]
    pub(crate) max_instance_reuse_count: Option<u32>,
    /// How long an unused instance is kept, such as 10s or 500ms
    #[arg(long, value_name = "TIME|A..B", value_parser = milliseconds)]
    pub(crate) idle_instance_timeout: Option<u64>,
    /// Wall time of one call, such as 30s or 500ms
    #[arg(long, value_name = "TIME|A..B", value_parser = milliseconds)]
    pub(crate) request_timeout: Option<u64>,
    /// Instances of all components alive at the same time
    #[arg(long, env = "SPIN_MAX_INSTANCE_COUNT", default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_instance_count: u32,
}

/// How `up` tells where the application is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Plain,
    /// One JSON object.
    Json,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// A number, or the first of a range.
fn count(text: &str) -> Result<u32, String> {
    let (first, _) = text.split_once("..").unwrap_or((text, ""));
    match first.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("write a number over 0, or a range such as 1..10".to_owned()),
    }
}

/// A time with its unit, or the first of a range; seconds without a unit.
fn milliseconds(text: &str) -> Result<u64, String> {
    let (first, _) = text.split_once("..").unwrap_or((text, ""));
    let digits = first.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = first.strip_prefix(digits).unwrap_or_default();
    let per_unit_ns: u64 = match unit {
        "" | "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "μs" => 1_000,
        "ns" => 1,
        _ => return Err("units are s, ms, us and ns".to_owned()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "write it as 10s or 500ms".to_owned())?;
    let ms = number.saturating_mul(per_unit_ns) / 1_000_000;
    Ok(ms.max(1))
}

/// An address whose host may be a name.
fn address(text: &str) -> Result<SocketAddr, String> {
    use std::net::ToSocketAddrs;
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; write it as HOST:PORT"))?;
    addresses
        .next()
        .ok_or_else(|| "the host has no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_ranges_begin_with_their_first() {
        assert_eq!(milliseconds("2"), Ok(2000));
        assert_eq!(milliseconds("2s"), Ok(2000));
        assert_eq!(milliseconds("250ms..1s"), Ok(250));
        assert_eq!(milliseconds("10ns"), Ok(1));
        assert!(milliseconds("2h").is_err());
        assert!(milliseconds("s").is_err());
        assert_eq!(count("3..9"), Ok(3));
        assert!(count("0").is_err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn an_operator_can_start_it_as_spinkube_does() {
        let words = "suoke up --listen 0.0.0.0:80 -f app/spin.toml --runtime-config-file /config --component-id a --component-id b";
        let Command::Up(up) = Cli::try_parse_from(words.split(' ')).unwrap().command else {
            panic!("not up");
        };
        assert_eq!(up.source.components, ["a", "b"]);
        assert_eq!(up.listen.listen.port(), 80);
    }
}
