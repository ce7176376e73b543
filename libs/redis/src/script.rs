//! Scripts that run inside the server, as one step.

use std::fmt::Write;
use std::sync::OnceLock;

use sha1::{Digest, Sha1};

/// A script in Lua 5.1. It runs as one step, which makes read-and-write safe
/// over all hosts; so it must be short.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    /// A script with this text; make it a `static`, so that its name is
    /// computed once.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            sha1: OnceLock::new(),
        }
    }

    /// The text.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// What the server calls it: SHA-1 of its text, in hexadecimal digits.
    #[must_use]
    pub fn sha1(&self) -> &str {
        self.sha1.get_or_init(|| {
            let mut name = String::with_capacity(40);
            for byte in Sha1::digest(self.source.as_bytes()) {
                // Writing to a string does not fail.
                let _ = write!(name, "{byte:02x}");
            }
            name
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_called_by_the_sha1_of_their_text() {
        // `redis-cli script load 'return 1'` says so.
        let script = Script::new("return 1");
        assert_eq!(script.sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
