//! The agents.

use serde::Deserialize;

/// Who takes the consultation in.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Agent {
    #[default]
    Xiaoai,
    Xiaoke,
    Laoke,
    Soer,
}

impl Agent {
    /// The name in events, rows and replies.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Xiaoai => "xiaoai",
            Self::Xiaoke => "xiaoke",
            Self::Laoke => "laoke",
            Self::Soer => "soer",
        }
    }
}
