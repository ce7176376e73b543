//! Commands on text: `GET`, `SET` and their kin.

use super::{exactly, first, integer, integer_arg};
use crate::error::{CommandError, Outcome};
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::value::Value;

type Text = Vec<u8>;

pub(super) fn get(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    Ok(Reply::optional(keys.read::<Text>(key)?.cloned()))
}

/// The options of `SET`.
#[derive(Default)]
struct SetOptions {
    only_if: Option<Presence>,
    ttl: Ttl,
    returns_old: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Absent,
    Present,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Ttl {
    #[default]
    Forever,
    Keep,
    At(i64),
}

/// How the number after an option counts time.
#[derive(Clone, Copy, PartialEq, Eq)]
struct TimeUnit {
    in_seconds: bool,
    from_now: bool,
}

impl TimeUnit {
    fn of(option: &str) -> Option<Self> {
        let (in_seconds, from_now) = match option {
            "EX" => (true, true),
            "PX" => (false, true),
            "EXAT" => (true, false),
            "PXAT" => (false, false),
            _ => return None,
        };
        Some(Self {
            in_seconds,
            from_now,
        })
    }

    fn instant_ms(
        self,
        number: &[u8],
        now_ms: i64,
        command: &'static str,
    ) -> Result<i64, CommandError> {
        let invalid = CommandError::ExpireTime(command);
        let number = integer_arg(number)?;
        let scale = if self.in_seconds { 1000 } else { 1 };
        let base_ms = if self.from_now { now_ms } else { 0 };
        if number <= 0 {
            return Err(invalid);
        }
        number
            .checked_mul(scale)
            .and_then(|ms| ms.checked_add(base_ms))
            .ok_or(invalid)
    }
}

impl SetOptions {
    fn parse(mut args: &[Vec<u8>], now_ms: i64) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut time: Option<(TimeUnit, &[u8])> = None;
        while let Some((option, rest)) = args.split_first() {
            args = rest;
            let option = String::from_utf8_lossy(option).to_ascii_uppercase();
            match option.as_str() {
                "NX" if options.only_if != Some(Presence::Present) => {
                    options.only_if = Some(Presence::Absent);
                }
                "XX" if options.only_if != Some(Presence::Absent) => {
                    options.only_if = Some(Presence::Present);
                }
                "GET" => options.returns_old = true,
                "KEEPTTL" if time.is_none() => options.ttl = Ttl::Keep,
                other => {
                    let unit = TimeUnit::of(other).ok_or(CommandError::Syntax)?;
                    let clashes = time.is_some_and(|(earlier, _)| earlier != unit);
                    let (number, rest) = first(args)?;
                    if clashes || options.ttl == Ttl::Keep {
                        return Err(CommandError::Syntax);
                    }
                    time = Some((unit, number));
                    args = rest;
                }
            }
        }
        if let Some((unit, number)) = time {
            options.ttl = Ttl::At(unit.instant_ms(number, now_ms, "set")?);
        }
        Ok(options)
    }
}

pub(super) fn set(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, rest) = first(args)?;
    let (value, rest) = first(rest)?;
    let options = SetOptions::parse(rest, keys.now_ms())?;
    let old = if options.returns_old {
        Some(Reply::optional(keys.read::<Text>(key)?.cloned()))
    } else {
        None
    };
    let refused = match options.only_if {
        None => false,
        Some(Presence::Absent) => keys.contains(key),
        Some(Presence::Present) => !keys.contains(key),
    };
    if refused {
        return Ok(old.unwrap_or(Reply::Nil));
    }
    let expires_at_ms = match options.ttl {
        Ttl::Forever => None,
        Ttl::Keep => keys.expiry_ms(key).flatten(),
        Ttl::At(ms) => Some(ms),
    };
    keys.put(key, Value::Text(value.clone()), expires_at_ms);
    Ok(old.unwrap_or(Reply::OK))
}

pub(super) fn setnx(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, value] = exactly(args)?;
    let absent = !keys.contains(key);
    if absent {
        keys.put(key, Value::Text(value.clone()), None);
    }
    Ok(Reply::flag(absent))
}

pub(super) fn setex(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    set_for(keys, args, true, "setex")
}

pub(super) fn psetex(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    set_for(keys, args, false, "psetex")
}

fn set_for(keys: &mut Keyspace, args: &[Vec<u8>], in_seconds: bool, name: &'static str) -> Outcome {
    let [key, time, value] = exactly(args)?;
    let unit = TimeUnit {
        in_seconds,
        from_now: true,
    };
    let at_ms = unit.instant_ms(time, keys.now_ms(), name)?;
    keys.put(key, Value::Text(value.clone()), Some(at_ms));
    Ok(Reply::OK)
}

pub(super) fn getset(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, value] = exactly(args)?;
    let old = Reply::optional(keys.read::<Text>(key)?.cloned());
    keys.put(key, Value::Text(value.clone()), None);
    Ok(old)
}

pub(super) fn getex(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, options) = first(args)?;
    let options: Vec<_> = options.iter().map(|o| o.to_ascii_uppercase()).collect();
    let time = match options.as_slice() {
        [] => None,
        [persist] if persist == b"PERSIST" => Some(None),
        [option, number] => {
            let option = String::from_utf8_lossy(option);
            let unit = TimeUnit::of(&option).ok_or(CommandError::Syntax)?;
            Some(Some((unit, number)))
        }
        _ => return Err(CommandError::Syntax),
    };
    let now_ms = keys.now_ms();
    let Some(text) = keys.read::<Text>(key)?.cloned() else {
        return Ok(Reply::Nil);
    };
    match time {
        None => {}
        Some(None) => keys.set_expiry_ms(key, None),
        Some(Some((unit, number))) => {
            let at_ms = unit.instant_ms(number, now_ms, "getex")?;
            keys.set_expiry_ms(key, Some(at_ms));
        }
    }
    Ok(Reply::Bulk(text))
}

pub(super) fn getdel(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    let text = keys.read::<Text>(key)?.cloned();
    keys.remove(key);
    Ok(Reply::optional(text))
}

pub(super) fn mget(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let values = args.iter().map(|key| match keys.read::<Text>(key) {
        Ok(Some(text)) => Reply::Bulk(text.clone()),
        Ok(None) | Err(_) => Reply::Nil,
    });
    Ok(Reply::Array(values.collect()))
}

pub(super) fn mset(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (pairs, odd) = args.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(CommandError::Arity("mset"));
    }
    for [key, value] in pairs {
        keys.put(key, Value::Text(value.clone()), None);
    }
    Ok(Reply::OK)
}

pub(super) fn incr(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    add(keys, key, 1)
}

pub(super) fn incrby(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, step] = exactly(args)?;
    add(keys, key, integer_arg(step)?)
}

pub(super) fn decr(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    add(keys, key, -1)
}

pub(super) fn decrby(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, step] = exactly(args)?;
    let step = integer_arg(step)?
        .checked_neg()
        .ok_or(CommandError::DecrementOverflow)?;
    add(keys, key, step)
}

fn add(keys: &mut Keyspace, key: &[u8], step: i64) -> Outcome {
    let sum = keys.edit(key, |text: &mut Text| {
        let old = integer(text).ok_or(CommandError::NotInteger)?;
        let sum = old.checked_add(step).ok_or(CommandError::Overflow)?;
        *text = sum.to_string().into_bytes();
        Ok(sum)
    })?;
    if sum.is_none() {
        keys.put(key, Value::Text(step.to_string().into_bytes()), None);
    }
    Ok(Reply::Integer(sum.unwrap_or(step)))
}

pub(super) fn append(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, tail] = exactly(args)?;
    let len = keys.upsert(key, |text: &mut Text| {
        text.extend_from_slice(tail);
        Ok(text.len())
    })?;
    Ok(Reply::count(len))
}

pub(super) fn strlen(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    Ok(Reply::count(keys.read::<Text>(key)?.map_or(0, Vec::len)))
}
