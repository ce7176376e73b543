//! Refusals, in Redis's own words.

use std::sync::Arc;

use crate::reply::Reply;

/// Why a command is refused; its text is the whole error reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("ERR unknown command '{name}', with args beginning with: {args}")]
    Unknown { name: String, args: String },
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(&'static str),
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    #[error("ERR hash value is not an integer")]
    HashNotInteger,
    #[error("ERR value is out of range, must be positive")]
    NotPositive,
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    #[error("ERR decrement would overflow")]
    DecrementOverflow,
    #[error("ERR invalid expire time in '{0}' command")]
    ExpireTime(&'static str),
    #[error("ERR syntax error")]
    Syntax,
    #[error("ERR Unsupported option {0}")]
    UnsupportedOption(String),
    #[error("ERR NX and XX, GT or LT options at the same time are not compatible")]
    ExpireNxWithOther,
    #[error("ERR GT and LT options at the same time are not compatible")]
    ExpireGtWithLt,
    #[error("ERR invalid cursor")]
    Cursor,
    #[error("NOSCRIPT No matching script. Please use EVAL.")]
    NoScript,
    /// What a script or its loading came to.
    #[error("{0}")]
    Script(String),
    #[error("MISCONF the change is in memory, but could not be written to disk: {0}")]
    NotSaved(Arc<str>),
    #[error("ERR value exceeds the maximum allowed size of {0} bytes")]
    ValueTooLarge(usize),
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
}

/// What every command gives back.
pub(crate) type Outcome = Result<Reply, CommandError>;

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        Self::Error(error.to_string())
    }
}

/// The refusal of a command that does not exist: it quotes the start of the
/// arguments, as Redis does, and never a line break.
pub(crate) fn unknown_command(name: &str, args: &[Vec<u8>]) -> CommandError {
    const QUOTED_BYTES_MAX: usize = 128;
    let mut quoted = String::new();
    for arg in args {
        if quoted.len() >= QUOTED_BYTES_MAX {
            break;
        }
        let room = QUOTED_BYTES_MAX - quoted.len();
        let end_of_text = arg.iter().position(|byte| *byte == 0).unwrap_or(arg.len());
        let shown = arg.get(..end_of_text.min(room)).unwrap_or_default();
        quoted.push('\'');
        quoted.push_str(&String::from_utf8_lossy(shown));
        quoted.push_str("' ");
    }
    let name: String = name.chars().take(QUOTED_BYTES_MAX).collect();
    CommandError::Unknown {
        name: name.replace(['\r', '\n'], " "),
        args: quoted.replace(['\r', '\n'], " "),
    }
}
