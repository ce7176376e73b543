//! Compiled scripts, as many as there is room for.

use std::collections::HashMap;

use mlua::Function;

use super::Sha;
use crate::changes::Saving;

/// Scripts that are kept; the one that was of no use for longest makes room.
const SCRIPTS_MAX: usize = 500;
/// Text of all scripts that are kept.
const TEXT_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Cache {
    scripts: HashMap<Sha, Compiled>,
    text_bytes: usize,
    /// Grows with every use.
    uses: u64,
}

struct Compiled {
    function: Function,
    saving: Saving,
    text_bytes: usize,
    last_use: u64,
}

impl Cache {
    pub(super) fn contains(&self, sha: &Sha) -> bool {
        self.scripts.contains_key(sha)
    }

    /// A script that is to be run, and how its changes are saved.
    pub(super) fn get(&mut self, sha: &Sha) -> Option<(Function, Saving)> {
        self.uses += 1;
        let compiled = self.scripts.get_mut(sha)?;
        compiled.last_use = self.uses;
        Some((compiled.function.clone(), compiled.saving))
    }

    pub(super) fn insert(&mut self, sha: Sha, function: Function, text: &[u8]) {
        let text_bytes = text.len();
        while !self.scripts.is_empty()
            && (self.scripts.len() >= SCRIPTS_MAX || self.text_bytes + text_bytes > TEXT_BYTES_MAX)
        {
            self.forget_one();
        }
        self.uses += 1;
        self.text_bytes += text_bytes;
        let compiled = Compiled {
            function,
            saving: saving_of(text),
            text_bytes,
            last_use: self.uses,
        };
        if let Some(old) = self.scripts.insert(sha, compiled) {
            self.text_bytes -= old.text_bytes;
        }
    }

    fn forget_one(&mut self) {
        let oldest = self.scripts.iter().min_by_key(|(_, kept)| kept.last_use);
        if let Some(sha) = oldest.map(|(sha, _)| *sha)
            && let Some(forgotten) = self.scripts.remove(&sha)
        {
            self.text_bytes -= forgotten.text_bytes;
        }
    }
}

/// The first line of a script whose changes may be saved after its reply.
const LATER_MARK: &[u8] = b"--!later";

fn saving_of(text: &[u8]) -> Saving {
    let first_line = text.split(|byte| *byte == b'\n').next();
    if first_line.is_some_and(|line| line.trim_ascii_end() == LATER_MARK) {
        Saving::Later
    } else {
        Saving::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_says_that_a_script_is_saved_later() {
        for text in ["--!later", "--!later\nreturn 1", "--!later \r\nreturn 1"] {
            assert_eq!(saving_of(text.as_bytes()), Saving::Later, "{text}");
        }
        for text in [
            "",
            "return 1\n--!later",
            " --!later",
            "--!later on",
            "-- !later",
        ] {
            assert_eq!(saving_of(text.as_bytes()), Saving::First, "{text}");
        }
    }
}
