//! The command line, with Spin's names.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Folder of compiled code [default: suoke/compiled in the user's cache folder]
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
