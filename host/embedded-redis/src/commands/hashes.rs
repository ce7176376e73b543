//! Commands on hashes.

use super::{exactly, first, integer, integer_arg};
use crate::error::{CommandError, Outcome};
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::value::Hash;

pub(super) fn hset(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, rest) = first(args)?;
    let (pairs, odd) = rest.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(CommandError::Arity("hset"));
    }
    let added = keys.upsert(key, |hash: &mut Hash| {
        let new = |[field, value]: &&[Vec<u8>; 2]| hash.insert(field, value.clone());
        Ok(pairs.iter().filter(new).count())
    })?;
    Ok(Reply::count(added))
}

pub(super) fn hget(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, field] = exactly(args)?;
    let hash = keys.read::<Hash>(key)?;
    Ok(Reply::optional(
        hash.and_then(|hash| hash.get(field)).cloned(),
    ))
}

pub(super) fn hdel(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, fields) = first(args)?;
    let removed = keys.edit(key, |hash: &mut Hash| {
        Ok(fields.iter().filter(|field| hash.remove(field)).count())
    })?;
    Ok(Reply::count(removed.unwrap_or(0)))
}

pub(super) fn hgetall(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    let hash = keys.read::<Hash>(key)?;
    let pairs = hash.into_iter().flat_map(Hash::iter);
    Ok(Reply::bulks(
        pairs.flat_map(|(field, value)| [field.clone(), value.clone()]),
    ))
}

pub(super) fn hincrby(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, field, step] = exactly(args)?;
    let step = integer_arg(step)?;
    let sum = keys.upsert(key, |hash: &mut Hash| {
        let old = match hash.get(field) {
            None => 0,
            Some(text) => integer(text).ok_or(CommandError::HashNotInteger)?,
        };
        let sum = old.checked_add(step).ok_or(CommandError::Overflow)?;
        hash.insert(field, sum.to_string().into_bytes());
        Ok(sum)
    })?;
    Ok(Reply::Integer(sum))
}

pub(super) fn hmget(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, fields) = first(args)?;
    let hash = keys.read::<Hash>(key)?;
    let value = |field| Reply::optional(hash.and_then(|hash| hash.get(field)).cloned());
    Ok(Reply::Array(
        fields.iter().map(|field| value(field)).collect(),
    ))
}

pub(super) fn hexists(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, field] = exactly(args)?;
    let hash = keys.read::<Hash>(key)?;
    Ok(Reply::flag(
        hash.is_some_and(|hash| hash.get(field).is_some()),
    ))
}

pub(super) fn hlen(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    Ok(Reply::count(keys.read::<Hash>(key)?.map_or(0, Hash::len)))
}
