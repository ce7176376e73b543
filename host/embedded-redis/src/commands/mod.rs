//! The table of commands: names, arity, and what runs.

mod hashes;
mod keys;
mod lists;
mod sets;
mod strings;

use crate::error::{CommandError, Outcome, unknown_command};
use crate::keyspace::{KEY_OVERHEAD_BYTES, Keyspace};
use crate::reply::Reply;
use crate::value::MEMBER_OVERHEAD_BYTES;

/// One command.
struct Command {
    /// Its name as errors show it.
    name: &'static str,
    /// Number of arguments after the name: exactly, or at least.
    arity: Arity,
    /// Whether it can need more memory.
    grows: bool,
    run: fn(&mut Keyspace, &[Vec<u8>]) -> Outcome,
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

const fn reads(
    name: &'static str,
    arity: Arity,
    run: fn(&mut Keyspace, &[Vec<u8>]) -> Outcome,
) -> Command {
    Command {
        name,
        arity,
        grows: false,
        run,
    }
}

const fn grows(
    name: &'static str,
    arity: Arity,
    run: fn(&mut Keyspace, &[Vec<u8>]) -> Outcome,
) -> Command {
    Command {
        grows: true,
        ..reads(name, arity, run)
    }
}

use Arity::{AtLeast, Exactly};

static COMMANDS: &[Command] = &[
    reads("get", Exactly(1), strings::get),
    grows("set", AtLeast(2), strings::set),
    grows("setnx", Exactly(2), strings::setnx),
    reads("getdel", Exactly(1), strings::getdel),
    reads("mget", AtLeast(1), strings::mget),
    grows("mset", AtLeast(2), strings::mset),
    grows("incr", Exactly(1), strings::incr),
    grows("incrby", Exactly(2), strings::incrby),
    grows("decr", Exactly(1), strings::decr),
    grows("decrby", Exactly(2), strings::decrby),
    grows("append", Exactly(2), strings::append),
    reads("strlen", Exactly(1), strings::strlen),
    reads("del", AtLeast(1), keys::del),
    reads("unlink", AtLeast(1), keys::del),
    reads("exists", AtLeast(1), keys::exists),
    reads("expire", AtLeast(2), keys::expire),
    reads("pexpire", AtLeast(2), keys::pexpire),
    reads("ttl", Exactly(1), keys::ttl),
    reads("pttl", Exactly(1), keys::pttl),
    reads("persist", Exactly(1), keys::persist),
    reads("type", Exactly(1), keys::type_of),
    reads("keys", Exactly(1), keys::keys),
    reads("dbsize", Exactly(0), keys::dbsize),
    reads("flushdb", AtLeast(0), keys::flushdb),
    grows("sadd", AtLeast(2), sets::sadd),
    reads("srem", AtLeast(2), sets::srem),
    reads("smembers", Exactly(1), sets::smembers),
    reads("scard", Exactly(1), sets::scard),
    reads("sismember", Exactly(2), sets::sismember),
    grows("hset", AtLeast(3), hashes::hset),
    reads("hget", Exactly(2), hashes::hget),
    reads("hdel", AtLeast(2), hashes::hdel),
    reads("hgetall", Exactly(1), hashes::hgetall),
    grows("hincrby", Exactly(3), hashes::hincrby),
    grows("lpush", AtLeast(2), lists::lpush),
    grows("rpush", AtLeast(2), lists::rpush),
    reads("lpop", AtLeast(1), lists::lpop),
    reads("rpop", AtLeast(1), lists::rpop),
    reads("llen", Exactly(1), lists::llen),
    reads("lrange", Exactly(3), lists::lrange),
    reads("ping", AtLeast(0), ping),
    reads("echo", Exactly(1), echo),
];

/// Runs one command on the keys.
pub(crate) fn run(keys: &mut Keyspace, name: &str, args: &[Vec<u8>]) -> Outcome {
    let command = COMMANDS
        .iter()
        .find(|command| command.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| unknown_command(name, args))?;
    if !command.arity.admits(args.len()) {
        return Err(CommandError::Arity(command.name));
    }
    if command.grows {
        keys.reserve(growth_bytes(args))?;
    }
    (command.run)(keys, args)
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
        [] => Ok(Reply::Status("PONG")),
        [message] => Ok(Reply::Bulk(message.clone())),
        _ => Err(CommandError::Arity("ping")),
    }
}

fn echo(_: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [message] = exactly(args)?;
    Ok(Reply::Bulk(message.clone()))
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
fn integer_arg(text: &[u8]) -> Result<i64, CommandError> {
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
