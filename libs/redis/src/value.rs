//! What Redis answers.

/// One part of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing is there.
    Nil,
    /// A word of the server, such as `OK`.
    Status(String),
    /// A number.
    Int(i64),
    /// A string of bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The number, also when it is written as text: scripts answer both.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(_) => self.as_str()?.parse().ok(),
            Self::Nil | Self::Status(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Status(word) => Some(word),
            Self::Nil | Self::Int(_) => None,
        }
    }
}
