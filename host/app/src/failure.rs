//! Why a call did not succeed: one list for every trigger.

use std::fmt;

/// What went wrong, coarse enough to choose an answer by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request cannot be understood.
    BadInput,
    /// A body, header or message is over its bound.
    TooLarge,
    /// A place in the component's queue was not to be had.
    Overloaded,
    /// The guest stopped itself: a panic or another trap.
    Trap,
    /// The guest asked for more memory than it may have.
    OutOfMemory,
    /// The guest used more CPU time than it may.
    CpuExhausted,
    /// The call took longer than its deadline.
    Timeout,
    /// The guest answered with an error of its own.
    Guest,
    /// The host is at fault.
    Internal,
    /// Starting, stopping, or a back end is unreachable.
    Unavailable,
}

impl FailureKind {
    /// The word used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "bad_input",
            Self::TooLarge => "too_large",
            Self::Overloaded => "overloaded",
            Self::Trap => "trap",
            Self::OutOfMemory => "out_of_memory",
            Self::CpuExhausted => "cpu_exhausted",
            Self::Timeout => "timeout",
            Self::Guest => "guest",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A failed call: its kind for the answer, its cause for the log.
#[derive(Debug)]
pub struct Failure {
    /// What to answer.
    pub kind: FailureKind,
    /// What to log; never sent to the caller.
    pub cause: String,
}

impl Failure {
    /// A failure of a kind with a cause.
    pub fn new(kind: FailureKind, cause: impl Into<String>) -> Self {
        Self {
            kind,
            cause: cause.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.cause)
    }
}

impl std::error::Error for Failure {}
