//! The table of commands: names, arity, and what runs.

mod hashes;
mod keys;
mod lists;
mod sets;
mod strings;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::changes::Saving;
use crate::error::{CommandError, Outcome};
use crate::keyspace::{KEY_OVERHEAD_BYTES, Keyspace};
use crate::reply::Reply;
use crate::value::{MEMBER_OVERHEAD_BYTES, VALUE_BYTES_MAX};

/// One command.
pub(crate) struct Command {
    /// Its name as errors show it.
    name: &'static str,
    /// Number of arguments after the name: exactly, or at least.
    arity: Arity,
    effect: Effect,
    run: Run,
}

/// What a command does to the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Reads,
    /// Changes them, and needs no more memory for it.
    Lessens,
    /// Changes them, and can need more memory.
    Grows,
    /// The same, for what a key holds already.
    Extends,
    /// Counts: can need more memory, and its changes may be lost with the host.
    Counts,
}

#[derive(Clone, Copy)]
enum Arity {
    Exactly(usize),
    AtLeast(usize),
}

impl Arity {
    fn admits(self, count: usize) -> bool {
        match self {
            Self::Exactly(wanted) => count == wanted,
            Self::AtLeast(least) => count >= least,
        }
    }
}

type Run = fn(&mut Keyspace, &[Vec<u8>]) -> Outcome;

const fn command(name: &'static str, arity: Arity, effect: Effect, run: Run) -> Command {
    Command {
        name,
        arity,
        effect,
        run,
    }
}

const fn reads(name: &'static str, arity: Arity, run: Run) -> Command {
    command(name, arity, Effect::Reads, run)
}

const fn lessens(name: &'static str, arity: Arity, run: Run) -> Command {
    command(name, arity, Effect::Lessens, run)
}

const fn grows(name: &'static str, arity: Arity, run: Run) -> Command {
    command(name, arity, Effect::Grows, run)
}

const fn extends(name: &'static str, arity: Arity, run: Run) -> Command {
    command(name, arity, Effect::Extends, run)
}

const fn counts(name: &'static str, arity: Arity, run: Run) -> Command {
    command(name, arity, Effect::Counts, run)
}

use Arity::{AtLeast, Exactly};

static COMMANDS: &[Command] = &[
    reads("get", Exactly(1), strings::get),
    grows("set", AtLeast(2), strings::set),
    grows("setnx", Exactly(2), strings::setnx),
    lessens("getdel", Exactly(1), strings::getdel),
    lessens("getex", AtLeast(1), strings::getex),
    reads("mget", AtLeast(1), strings::mget),
    grows("mset", AtLeast(2), strings::mset),
    counts("incr", Exactly(1), strings::incr),
    counts("incrby", Exactly(2), strings::incrby),
    counts("decr", Exactly(1), strings::decr),
    counts("decrby", Exactly(2), strings::decrby),
    extends("append", Exactly(2), strings::append),
    grows("setex", Exactly(3), strings::setex),
    grows("psetex", Exactly(3), strings::psetex),
    grows("getset", Exactly(2), strings::getset),
    reads("strlen", Exactly(1), strings::strlen),
    lessens("del", AtLeast(1), keys::del),
    lessens("unlink", AtLeast(1), keys::del),
    reads("exists", AtLeast(1), keys::exists),
    lessens("expire", AtLeast(2), keys::expire),
    lessens("pexpire", AtLeast(2), keys::pexpire),
    lessens("expireat", AtLeast(2), keys::expireat),
    lessens("pexpireat", AtLeast(2), keys::pexpireat),
    reads("expiretime", Exactly(1), keys::expiretime),
    reads("pexpiretime", Exactly(1), keys::pexpiretime),
    reads("ttl", Exactly(1), keys::ttl),
    reads("pttl", Exactly(1), keys::pttl),
    lessens("persist", Exactly(1), keys::persist),
    reads("type", Exactly(1), keys::type_of),
    reads("keys", Exactly(1), keys::keys),
    reads("scan", AtLeast(1), keys::scan),
    reads("dbsize", Exactly(0), keys::dbsize),
    lessens("flushdb", AtLeast(0), keys::flushdb),
    lessens("flushall", AtLeast(0), keys::flushdb),
    extends("sadd", AtLeast(2), sets::sadd),
    lessens("srem", AtLeast(2), sets::srem),
    reads("smembers", Exactly(1), sets::smembers),
    reads("scard", Exactly(1), sets::scard),
    reads("sismember", Exactly(2), sets::sismember),
    extends("hset", AtLeast(3), hashes::hset),
    reads("hget", Exactly(2), hashes::hget),
    reads("hmget", AtLeast(2), hashes::hmget),
    reads("hexists", Exactly(2), hashes::hexists),
    reads("hlen", Exactly(1), hashes::hlen),
    lessens("hdel", AtLeast(2), hashes::hdel),
    reads("hgetall", Exactly(1), hashes::hgetall),
    counts("hincrby", Exactly(3), hashes::hincrby),
    extends("lpush", AtLeast(2), lists::lpush),
    extends("rpush", AtLeast(2), lists::rpush),
    lessens("lpop", AtLeast(1), lists::lpop),
    lessens("rpop", AtLeast(1), lists::rpop),
    reads("llen", Exactly(1), lists::llen),
    reads("lrange", Exactly(3), lists::lrange),
    reads("ping", AtLeast(0), ping),
    reads("echo", Exactly(1), echo),
    reads("time", Exactly(0), time),
];

/// The longest name of a command, and more.
const NAME_BYTES_MAX: usize = 16;

static BY_NAME: LazyLock<HashMap<&'static [u8], &'static Command>> = LazyLock::new(|| {
    let named = |command: &'static Command| (command.name.as_bytes(), command);
    COMMANDS.iter().map(named).collect()
});

/// The command of a name in any case.
pub(crate) fn find(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    BY_NAME.get(&*lower).copied()
}

impl Command {
    /// When a disk must have its changes.
    pub(crate) fn saving(&self) -> Saving {
        match self.effect {
            Effect::Lessens | Effect::Grows | Effect::Extends => Saving::First,
            Effect::Reads | Effect::Counts => Saving::Later,
        }
    }

    /// Whether the command takes so many arguments.
    pub(crate) fn admits(&self, count: usize) -> bool {
        self.arity.admits(count)
    }

    /// Runs the command.
    pub(crate) fn run(&self, keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
        if !self.arity.admits(args.len()) {
            return Err(CommandError::Arity(self.name));
        }
        match self.effect {
            Effect::Reads | Effect::Lessens => {}
            Effect::Grows => {
                let largest = args.iter().map(Vec::len).max();
                bound_value(largest.unwrap_or(0))?;
                keys.reserve(growth_bytes(args))?;
            }
            Effect::Extends | Effect::Counts => {
                let growth_bytes = growth_bytes(args);
                let before_bytes = args.first().map_or(0, |key| keys.value_bytes(key));
                bound_value(before_bytes.saturating_add(growth_bytes))?;
                keys.reserve(growth_bytes)?;
            }
        }
        (self.run)(keys, args)
    }
}

fn bound_value(bytes: usize) -> Result<(), CommandError> {
    if bytes > VALUE_BYTES_MAX {
        return Err(CommandError::ValueTooLarge(VALUE_BYTES_MAX));
    }
    Ok(())
}

/// The most memory a command with these arguments can add.
fn growth_bytes(args: &[Vec<u8>]) -> usize {
    const PER_ARGUMENT_BYTES: usize = MEMBER_OVERHEAD_BYTES + NUMBER_BYTES_MAX;
    /// A counter is kept as decimal text.
    const NUMBER_BYTES_MAX: usize = 20;
    args.iter().fold(KEY_OVERHEAD_BYTES, |sum, arg| {
        sum.saturating_add(arg.len() + PER_ARGUMENT_BYTES)
    })
}

fn ping(_: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    match args {
        [] => Ok(Reply::status("PONG")),
        [message] => Ok(Reply::Bulk(message.clone())),
        _ => Err(CommandError::Arity("ping")),
    }
}

fn echo(_: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [message] = exactly(args)?;
    Ok(Reply::Bulk(message.clone()))
}

/// Seconds and microseconds since the Unix epoch.
fn time(keys: &mut Keyspace, _: &[Vec<u8>]) -> Outcome {
    const US_PER_SECOND: i64 = 1_000_000;
    let now_us = keys.now_us();
    let parts = [
        now_us.div_euclid(US_PER_SECOND),
        now_us.rem_euclid(US_PER_SECOND),
    ];
    Ok(Reply::bulks(
        parts.map(|part| part.to_string().into_bytes()),
    ))
}

/// Takes as many arguments as the caller names.
fn exactly<const N: usize>(args: &[Vec<u8>]) -> Result<&[Vec<u8>; N], CommandError> {
    args.try_into().map_err(|_| CommandError::Syntax)
}

/// Takes the first argument, which the table of commands makes sure of.
fn first(args: &[Vec<u8>]) -> Result<(&Vec<u8>, &[Vec<u8>]), CommandError> {
    args.split_first().ok_or(CommandError::Syntax)
}

/// Reads a number as Redis does: decimal, no spaces, no `+`, no leading zeros.
fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        b"0" => return (text.len() == 1).then_some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Reads an argument that must be a number.
pub(crate) fn integer_arg(text: &[u8]) -> Result<i64, CommandError> {
    integer(text).ok_or(CommandError::NotInteger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_strictly() {
        assert_eq!(integer(b"0"), Some(0));
        assert_eq!(integer(b"-12"), Some(-12));
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for text in [
            "",
            "-",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "1.0",
            "0x1",
            "9223372036854775808",
        ] {
            assert_eq!(integer(text.as_bytes()), None, "{text:?}");
        }
    }
}
