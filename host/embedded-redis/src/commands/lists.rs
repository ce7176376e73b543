//! Commands on lists.

use super::{exactly, first, integer, integer_arg};
use crate::error::{CommandError, Outcome};
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::value::{End, List};

pub(super) fn lpush(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    push(keys, args, End::Left)
}

pub(super) fn rpush(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    push(keys, args, End::Right)
}

fn push(keys: &mut Keyspace, args: &[Vec<u8>], end: End) -> Outcome {
    let (key, items) = first(args)?;
    let len = keys.upsert(key, |list: &mut List| {
        items.iter().for_each(|item| list.push(end, item));
        Ok(list.len())
    })?;
    Ok(Reply::count(len))
}

pub(super) fn lpop(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    pop(keys, args, End::Left, "lpop")
}

pub(super) fn rpop(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    pop(keys, args, End::Right, "rpop")
}

fn pop(keys: &mut Keyspace, args: &[Vec<u8>], end: End, name: &'static str) -> Outcome {
    let (key, count) = match args {
        [key] => (key, None),
        [key, count] => {
            let count = integer(count).and_then(|n| usize::try_from(n).ok());
            (key, Some(count.ok_or(CommandError::NotPositive)?))
        }
        _ => return Err(CommandError::Arity(name)),
    };
    let popped = keys.edit(key, |list: &mut List| {
        Ok(match count {
            None => Reply::optional(list.pop(end)),
            Some(count) => Reply::bulks(std::iter::from_fn(|| list.pop(end)).take(count)),
        })
    })?;
    Ok(popped.unwrap_or(Reply::Nil))
}

pub(super) fn llen(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key] = exactly(args)?;
    Ok(Reply::count(keys.read::<List>(key)?.map_or(0, List::len)))
}

pub(super) fn lrange(keys: &mut Keyspace, args: &[Vec<u8>]) -> Outcome {
    let [key, start, stop] = exactly(args)?;
    let (start, stop) = (integer_arg(start)?, integer_arg(stop)?);
    let list = keys.read::<List>(key)?;
    let items = list.into_iter().flat_map(|list| list.range(start, stop));
    Ok(Reply::bulks(items.cloned()))
}
