//! The arguments of `suoke events`.

use clap::{Args, Subcommand};

use crate::args::Format;

/// `suoke events`
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: EventsCommand,
}

/// Where the functions for operators are, and who asks. The operator's token is
/// no argument, because arguments are visible to everybody on the machine.
#[derive(Debug, Args)]
#[command(
    after_help = "The operator's token is read from SUOKE_OPERATOR_TOKEN, or else from .env here."
)]
pub(crate) struct ApiArgs {
    /// Where the application serves requests
    #[arg(
        long,
        env = "SUOKE_URL",
        default_value = "http://127.0.0.1:3000",
        value_name = "URL",
        global = true
    )]
    pub(crate) url: String,
    /// How to print what is found
    #[arg(long, default_value = "plain", value_enum, global = true)]
    pub(crate) format: Format,
}

/// What to do with events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// List events, newest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Only what this request set off: its correlation id
        #[arg(long, value_name = "ID")]
        correlation: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show an event with its data, and where it stands with each consumer
    Show {
        /// The id of the event
        id: String,
    },
    /// Publish an event
    Publish {
        /// Its type, which is the channel: consultation.reviewed
        #[arg(value_name = "TYPE")]
        kind: String,
        /// Its data, as JSON
        data: String,
        /// What it is about: consultation/ID
        #[arg(long)]
        subject: Option<String>,
    },
    /// Deliver past events again to one consumer; nobody else notices
    Replay {
        /// The component that is given the events
        consumer: String,
        #[command(flatten)]
        filter: FilterArgs,
    },
    /// List dead letters: what a consumer could not handle, and why
    Dead {
        /// Only those of this component
        #[arg(long, value_name = "COMPONENT")]
        consumer: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Deliver dead letters again
    #[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
    Redrive {
        /// Those of this component
        #[arg(long, value_name = "COMPONENT", group = "which")]
        consumer: Option<String>,
        /// Those of this event
        #[arg(long, value_name = "ID", group = "which")]
        event: Option<String>,
        /// All of them
        #[arg(long, group = "which", conflicts_with_all = ["consumer", "event"])]
        all: bool,
    },
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Only about this
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Only from this instant on, such as 2026-01-31T02:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: Option<String>,
    /// Only before this instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: Option<String>,
}

/// How much of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) limit: u16,
    /// Go on where an earlier list ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}
