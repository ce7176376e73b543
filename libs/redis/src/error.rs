//! What can go wrong with Redis.

use thiserror::Error;

/// A failure of Redis. It displays neither keys nor values, so that it can be
/// logged.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RedisError {
    /// The manifest does not say where Redis is.
    #[error(
        "variable redis_url is not given to this component: name it in [component.NAME.variables]"
    )]
    NoAddress,
    /// The manifest does not let the component connect there, or it is no address.
    #[error(
        "redis_url is no address that this component may use: name it in allowed_outbound_hosts"
    )]
    Address,
    /// Nobody answered, or the connection broke: whether the command was run is
    /// not known.
    #[error("redis cannot be reached: {0}")]
    Unavailable(String),
    /// The server refused the command.
    #[error("redis refused {command}: {code}")]
    Refused {
        /// The name of the command.
        command: String,
        /// The first word of the server's answer, such as `WRONGTYPE` or `OOM`.
        code: String,
    },
    /// The reply has another shape than the command promises.
    #[error("redis answered {command} with something else than expected")]
    Unexpected {
        /// The name of the command.
        command: String,
    },
}

impl RedisError {
    /// The failure that a server's or host's text tells of.
    pub(crate) fn told(command: &str, text: &str) -> Self {
        let code = text.split(' ').next().unwrap_or_default();
        let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_code {
            return Self::Refused {
                command: command.to_owned(),
                code: code.to_owned(),
            };
        }
        Self::Unavailable(text.to_owned())
    }

    pub(crate) fn unexpected(command: &str) -> Self {
        Self::Unexpected {
            command: command.to_owned(),
        }
    }

    /// Whether the server does not know the script that it was asked to run.
    pub(crate) fn is_script_missing(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "NOSCRIPT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_its_code_and_nothing_of_the_values() {
        let error = RedisError::told("GET", "WRONGTYPE Operation against secret-key");
        assert_eq!(error.to_string(), "redis refused GET: WRONGTYPE");
    }

    #[test]
    fn words_without_a_code_mean_that_nobody_answered() {
        let error = RedisError::told("GET", "Connection refused");
        assert!(matches!(error, RedisError::Unavailable(_)));
    }
}
