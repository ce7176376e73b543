//! Commands on keys of any kind: removal, expiry, listing.

use super::{exactly, first, integer_arg};
use crate::error::{CommandError, Outcome};
use crate::glob::Glob;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::value::Value;

pub(super) fn del(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let removed = args.iter().filter(|key| keys.remove(key).is_some());
    Ok(Reply::count(removed.count()))
}

pub(super) fn exists(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let found = args.iter().filter(|key| keys.contains(key));
    Ok(Reply::count(found.count()))
}

/// When `EXPIRE` may change what there is.
#[derive(Default)]
struct Condition {
    if_none: bool,
    if_any: bool,
    if_later: bool,
    if_earlier: bool,
}

impl Condition {
    fn parse(options: &[Vec<u8>]) -> Result<Self, CommandError> {
        let mut condition = Self::default();
        for option in options {
            let text = String::from_utf8_lossy(option);
            match text.to_ascii_uppercase().as_str() {
                "NX" => condition.if_none = true,
                "XX" => condition.if_any = true,
                "GT" => condition.if_later = true,
                "LT" => condition.if_earlier = true,
                _ => return Err(CommandError::UnsupportedOption(text.into_owned())),
            }
        }
        if condition.if_none && (condition.if_any || condition.if_later || condition.if_earlier) {
            return Err(CommandError::ExpireNxWithOther);
        }
        if condition.if_later && condition.if_earlier {
            return Err(CommandError::ExpireGtWithLt);
        }
        Ok(condition)
    }

    /// Never expiring counts as expiring later than anything.
    fn admits(&self, current_ms: Option<i64>, wanted_ms: i64) -> bool {
        let refused = (self.if_none && current_ms.is_some())
            || (self.if_any && current_ms.is_none())
            || (self.if_later && current_ms.is_none_or(|ms| wanted_ms <= ms))
            || (self.if_earlier && current_ms.is_some_and(|ms| wanted_ms >= ms));
        !refused
    }
}

pub(super) fn expire(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let base_ms = keys.now_ms();
    expire_from(keys, args, base_ms, 1000, "expire")
}

pub(super) fn pexpire(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let base_ms = keys.now_ms();
    expire_from(keys, args, base_ms, 1, "pexpire")
}

pub(super) fn expireat(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    expire_from(keys, args, 0, 1000, "expireat")
}

pub(super) fn pexpireat(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    expire_from(keys, args, 0, 1, "pexpireat")
}

fn expire_from(
    keys: &mut Keyspace,
    args: &[Vec<u8>],
    base_ms: i64,
    unit_ms: i64,
    name: &'static str,
) -> Outcome {
    let (key, rest) = first(args)?;
    let (time, options) = first(rest)?;
    let condition = Condition::parse(options)?;
    let wanted_ms = integer_arg(time)?
        .checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(base_ms))
        .ok_or(CommandError::ExpireTime(name))?;
    let Some(current_ms) = keys.expiry_ms(key) else {
        return Ok(Reply::Integer(0));
    };
    if !condition.admits(current_ms, wanted_ms) {
        return Ok(Reply::Integer(0));
    }
    if wanted_ms <= keys.now_ms() {
        keys.remove(key);
    } else {
        keys.set_expiry_ms(key, Some(wanted_ms));
    }
    Ok(Reply::Integer(1))
}

pub(super) fn ttl(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let now_ms = keys.now_ms();
    expiry(keys, args, |at_ms| in_seconds(at_ms.saturating_sub(now_ms)))
}

pub(super) fn pttl(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let now_ms = keys.now_ms();
    expiry(keys, args, |at_ms| at_ms.saturating_sub(now_ms))
}

pub(super) fn expiretime(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    expiry(keys, args, in_seconds)
}

pub(super) fn pexpiretime(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    expiry(keys, args, |at_ms| at_ms)
}

fn in_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

fn expiry(keys: &mut Keyspace, args: &[Vec<u8>], shown: impl Fn(i64) -> i64) -> Outcome {
    const NO_SUCH_KEY: i64 = -2;
    const NEVER_EXPIRES: i64 = -1;
    let [key] = exactly(args)?;
    Ok(Reply::Integer(match keys.expiry_ms(key) {
        None => NO_SUCH_KEY,
        Some(None) => NEVER_EXPIRES,
        Some(Some(at_ms)) => shown(at_ms),
    }))
}

pub(super) fn persist(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    let had_expiry = keys.expiry_ms(key).flatten().is_some();
    keys.set_expiry_ms(key, None);
    Ok(Reply::flag(had_expiry))
}

pub(super) fn type_of(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    let name = keys.get(key).map_or("none", |value| value.type_name());
    Ok(Reply::status(name))
}

pub(super) fn keys(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [pattern] = exactly(args)?;
    let glob = Glob::parse(pattern);
    let mut found: Vec<_> = keys
        .keys()
        .filter(|(key, _)| glob.matches(key))
        .map(|(key, _)| key.to_vec())
        .collect();
    found.sort_unstable();
    Ok(Reply::bulks(found))
}

/// What `SCAN` is to give.
#[derive(Default)]
struct Scan {
    pattern: Option<Glob>,
    type_name: Option<Vec<u8>>,
}

impl Scan {
    fn parse(options: &[Vec<u8>]) -> Result<Self, CommandError> {
        let mut scan = Self::default();
        let (pairs, odd) = options.as_chunks::<2>();
        for [option, value] in pairs {
            match option.to_ascii_lowercase().as_slice() {
                b"count" if integer_arg(value)? >= 1 => {}
                b"match" => scan.pattern = Some(Glob::parse(value)),
                b"type" => scan.type_name = Some(value.to_ascii_lowercase()),
                _ => return Err(CommandError::Syntax),
            }
        }
        if !odd.is_empty() {
            return Err(CommandError::Syntax);
        }
        Ok(scan)
    }

    fn admits(&self, key: &[u8], value: &Value) -> bool {
        let admitted = |pattern: &Glob| pattern.matches(key);
        let is_of = |name: &Vec<u8>| name == value.type_name().as_bytes();
        self.pattern.as_ref().is_none_or(admitted) && self.type_name.as_ref().is_none_or(is_of)
    }
}

/// Gives everything at once, whatever `COUNT` says: a real server may too, and
/// its callers go on until the cursor is 0.
pub(super) fn scan(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    const END: &[u8] = b"0";
    let (cursor, options) = first(args)?;
    let cursor = std::str::from_utf8(cursor).ok();
    let cursor: u64 = cursor
        .and_then(|cursor| cursor.parse().ok())
        .ok_or(CommandError::Cursor)?;
    let scan = Scan::parse(options)?;
    let found = if cursor == 0 {
        let living = keys.keys();
        let found = living.filter(|(key, value)| scan.admits(key, value));
        found.map(|(key, _)| key.to_vec()).collect()
    } else {
        Vec::new()
    };
    Ok(Reply::Array(vec![
        Reply::Bulk(END.to_vec()),
        Reply::bulks(found),
    ]))
}

pub(super) fn dbsize(keys: &mut Keyspace, _: &[Vec<u8>]) -> Outcome {
    Ok(Reply::count(keys.len()))
}

pub(super) fn flushdb(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let known =
        |mode: &Vec<u8>| mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync");
    match args {
        [] => {}
        [mode] if known(mode) => {}
        _ => return Err(CommandError::Syntax),
    }
    keys.clear();
    Ok(Reply::OK)
}
