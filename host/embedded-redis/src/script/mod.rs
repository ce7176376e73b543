//! Scripts: `EVAL`, `EVALSHA` and `SCRIPT`.
//!
//! A script is Lua 5.1 without files, modules, coroutines and anything
//! that outlives it. It holds up every other command, so it is bounded in
//! instructions, time and memory.

mod cache;
mod convert;
mod interpreter;
mod number;
mod pattern;
mod text;

use std::sync::{Arc, Mutex};

use sha1::{Digest, Sha1};

use crate::error::{CommandError, Outcome};
use crate::keyspace::Keyspace;
use crate::pubsub::Hub;
use crate::reply::Reply;
use interpreter::Interpreter;

/// The SHA-1 of a script's text: its name.
type Sha = [u8; 20];
/// Its length as text.
const HEX_LEN: usize = 2 * size_of::<Sha>();

/// The scripts of one server. Their interpreter is made when the first comes.
pub(crate) struct Scripts {
    keys: Arc<Mutex<Keyspace>>,
    hub: Arc<Hub>,
    interpreter: Option<Interpreter>,
}

impl Scripts {
    pub(crate) fn new(keys: Arc<Mutex<Keyspace>>, hub: Arc<Hub>) -> Self {
        Self {
            keys,
            hub,
            interpreter: None,
        }
    }

    /// Runs a command if it is one on scripts.
    pub(crate) fn run(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Outcome> {
        // What most commands are found out by is their first letter.
        if !matches!(name.as_bytes().first(), Some(b'e' | b'E' | b's' | b'S')) {
            return None;
        }
        Some(match name.to_ascii_lowercase().as_str() {
            "eval" => self.eval(args),
            "evalsha" => self.evalsha(args),
            "script" => self.script(args),
            _ => return None,
        })
    }

    fn eval(&mut self, args: &[Vec<u8>]) -> Outcome {
        let [text, key_count, rest @ ..] = args else {
            return Err(CommandError::Arity("eval"));
        };
        let (keys, arguments) = split(key_count, rest)?;
        let interpreter = self.interpreter()?;
        let sha = sha_of(text);
        if !interpreter.knows(&sha) {
            interpreter.load(sha, text)?;
        }
        interpreter.eval(&sha, keys, arguments)
    }

    fn evalsha(&mut self, args: &[Vec<u8>]) -> Outcome {
        let [sha, key_count, rest @ ..] = args else {
            return Err(CommandError::Arity("evalsha"));
        };
        if sha.len() != HEX_LEN {
            return Err(CommandError::NoScript);
        }
        let (keys, arguments) = split(key_count, rest)?;
        let sha = parse_sha(sha).ok_or(CommandError::NoScript)?;
        let interpreter = self.interpreter.as_mut();
        let interpreter = interpreter.ok_or(CommandError::NoScript)?;
        interpreter.eval(&sha, keys, arguments)
    }

    fn script(&mut self, args: &[Vec<u8>]) -> Outcome {
        let [subcommand, rest @ ..] = args else {
            return Err(CommandError::Arity("script"));
        };
        match (subcommand.to_ascii_lowercase().as_slice(), rest) {
            (b"load", [text]) => {
                let sha = sha_of(text);
                self.interpreter()?.load(sha, text)?;
                Ok(Reply::Bulk(hex(&sha)))
            }
            (b"exists", [_, ..]) => {
                let known = |sha: &Vec<u8>| {
                    let sha = parse_sha(sha)?;
                    let interpreter = self.interpreter.as_ref()?;
                    interpreter.knows(&sha).then_some(())
                };
                let known = rest.iter().map(|sha| Reply::flag(known(sha).is_some()));
                Ok(Reply::Array(known.collect()))
            }
            (b"flush", []) => self.flush(),
            (b"flush", [mode])
                if mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync") =>
            {
                self.flush()
            }
            (b"flush", _) => Err(CommandError::Script(
                "ERR SCRIPT FLUSH only support SYNC|ASYNC option".to_owned(),
            )),
            (b"load", _) => Err(CommandError::Arity("script|load")),
            (b"exists", _) => Err(CommandError::Arity("script|exists")),
            _ => {
                let name = String::from_utf8_lossy(subcommand);
                let text = format!("ERR unknown subcommand '{name}'. Try SCRIPT HELP.");
                Err(CommandError::Script(text))
            }
        }
    }

    /// Forgets all scripts, and all that they have left to the interpreter.
    fn flush(&mut self) -> Outcome {
        self.interpreter = None;
        Ok(Reply::OK)
    }

    fn interpreter(&mut self) -> Result<&mut Interpreter, CommandError> {
        match &mut self.interpreter {
            Some(interpreter) => Ok(interpreter),
            none => {
                let made = Interpreter::new(self.keys.clone(), self.hub.clone());
                let made = made.map_err(|error| {
                    CommandError::Script(format!("ERR scripts cannot run: {error}"))
                })?;
                Ok(none.insert(made))
            }
        }
    }
}

/// Arguments of a command.
type Args = [Vec<u8>];

/// Keys, and what follows them.
fn split<'a>(key_count: &[u8], rest: &'a Args) -> Result<(&'a Args, &'a Args), CommandError> {
    let refused = |text: &str| CommandError::Script(text.to_owned());
    let count = crate::commands::integer_arg(key_count)?;
    let count =
        usize::try_from(count).map_err(|_| refused("ERR Number of keys can't be negative"))?;
    rest.split_at_checked(count)
        .ok_or_else(|| refused("ERR Number of keys can't be greater than number of args"))
}

fn sha_of(text: &[u8]) -> Sha {
    Sha1::digest(text).into()
}

/// Reads 40 hexadecimal digits in any case.
fn parse_sha(text: &[u8]) -> Option<Sha> {
    let mut sha = Sha::default();
    let (pairs, odd) = text.as_chunks::<2>();
    if pairs.len() != sha.len() || !odd.is_empty() {
        return None;
    }
    for (byte, [high, low]) in sha.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    }
    Some(sha)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied();
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(digit)
        .collect()
}
