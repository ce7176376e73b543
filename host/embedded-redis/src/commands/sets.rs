//! Commands on sets.

use super::{exactly, first};
use crate::error::Outcome;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::value::Set;

pub(super) fn sadd(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, members) = first(args)?;
    let added = keys.upsert(key, |set: &mut Set| {
        Ok(members.iter().filter(|member| set.insert(member)).count())
    })?;
    Ok(Reply::count(added))
}

pub(super) fn srem(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let (key, members) = first(args)?;
    let removed = keys.edit(key, |set: &mut Set| {
        Ok(members.iter().filter(|member| set.remove(member)).count())
    })?;
    Ok(Reply::count(removed.unwrap_or(0)))
}

pub(super) fn smembers(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    let set = keys.read::<Set>(key)?;
    Ok(Reply::bulks(set.into_iter().flat_map(Set::iter).cloned()))
}

pub(super) fn scard(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    Ok(Reply::count(keys.read::<Set>(key)?.map_or(0, Set::len)))
}

pub(super) fn sismember(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, member] = exactly(args)?;
    let set = keys.read::<Set>(key)?;
    Ok(Reply::flag(set.is_some_and(|set| set.contains(member))))
}
