//! Keys, their values, their expiry, and the bound on their memory.

use std::collections::HashMap;

use crate::error::CommandError;
use crate::value::{Kind, Value};

/// What a key costs beside its own bytes and its value.
pub(crate) const KEY_OVERHEAD_BYTES: usize = 96;

/// All keys of one server.
#[derive(Debug)]
pub(crate) struct Keyspace {
    entries: HashMap<Vec<u8>, Entry>,
    used_bytes: usize,
    memory_bytes_max: usize,
    /// The time of the command that runs.
    now_ms: i64,
    /// No key expires before this instant.
    next_expiry_ms: i64,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    expires_at_ms: Option<i64>,
}

impl Entry {
    fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }

    fn change<V: Kind, R>(
        &mut self,
        used_bytes: &mut usize,
        change: impl FnOnce(&mut V) -> Result<R, CommandError>,
    ) -> Result<R, CommandError> {
        let before_bytes = self.value.cost_bytes();
        let outcome = change(V::of(&mut self.value).ok_or(CommandError::WrongType)?);
        *used_bytes = *used_bytes - before_bytes + self.value.cost_bytes();
        outcome
    }
}

impl Keyspace {
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            used_bytes: 0,
            memory_bytes_max,
            now_ms: 0,
            next_expiry_ms: i64::MAX,
        }
    }

    /// Sets the time for the command that follows.
    pub(crate) fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Refuses growth by up to `growth_bytes` when it could pass the bound.
    pub(crate) fn reserve(&mut self, growth_bytes: usize) -> Result<(), CommandError> {
        if self.used_bytes.saturating_add(growth_bytes) <= self.memory_bytes_max {
            return Ok(());
        }
        self.remove_expired();
        if self.used_bytes.saturating_add(growth_bytes) <= self.memory_bytes_max {
            return Ok(());
        }
        Err(CommandError::OutOfMemory)
    }

    /// Number of living keys.
    pub(crate) fn len(&mut self) -> usize {
        self.remove_expired();
        self.entries.len()
    }

    /// The living keys, in no order.
    pub(crate) fn keys(&mut self) -> impl Iterator<Item = &Vec<u8>> {
        self.remove_expired();
        self.entries.keys()
    }

    pub(crate) fn clear(&mut self) {
        self.entries = HashMap::new();
        self.used_bytes = 0;
        self.next_expiry_ms = i64::MAX;
    }

    /// The value of a living key.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.drop_if_expired(key);
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key when it is of the kind asked for.
    pub(crate) fn read<V: Kind>(&mut self, key: &[u8]) -> Result<Option<&V>, CommandError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => V::of(value)
                .map(|v| Some(&*v))
                .ok_or(CommandError::WrongType),
        }
    }

    /// Changes the value of a key, making an empty one first if there is none.
    pub(crate) fn upsert<V: Kind, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut V) -> Result<R, CommandError>,
    ) -> Result<R, CommandError> {
        self.drop_if_expired(key);
        let Some(entry) = self.entries.get_mut(key) else {
            let mut fresh = V::default();
            let outcome = change(&mut fresh)?;
            self.put(key, fresh.into_value(), None);
            return Ok(outcome);
        };
        entry.change(&mut self.used_bytes, change)
    }

    /// Changes the value of a key; `None` when there is no such key.
    pub(crate) fn edit<V: Kind, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut V) -> Result<R, CommandError>,
    ) -> Result<Option<R>, CommandError> {
        self.drop_if_expired(key);
        let Some(entry) = self.entries.get_mut(key) else {
            return Ok(None);
        };
        let outcome = entry.change(&mut self.used_bytes, change);
        if entry.value.is_spent() {
            self.remove(key);
        }
        outcome.map(Some)
    }

    /// Puts a value in the place of whatever the key held.
    pub(crate) fn put(&mut self, key: &[u8], value: Value, expires_at_ms: Option<i64>) {
        self.remove(key);
        if value.is_spent() {
            return;
        }
        self.used_bytes += cost_bytes(key, &value);
        self.next_expiry_ms = self.next_expiry_ms.min(expires_at_ms.unwrap_or(i64::MAX));
        let entry = Entry {
            value,
            expires_at_ms,
        };
        self.entries.insert(key.to_vec(), entry);
    }

    /// Removes a key; its value if it was alive.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.used_bytes -= cost_bytes(&key, &entry.value);
        (!entry.is_expired(self.now_ms)).then_some(entry.value)
    }

    /// When a living key expires: `None` without the key, `Some(None)` if never.
    pub(crate) fn expiry_ms(&mut self, key: &[u8]) -> Option<Option<i64>> {
        self.drop_if_expired(key);
        self.entries.get(key).map(|entry| entry.expires_at_ms)
    }

    /// Sets or takes away the expiry of a key that is there.
    pub(crate) fn set_expiry_ms(&mut self, key: &[u8], expires_at_ms: Option<i64>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.expires_at_ms = expires_at_ms;
            self.next_expiry_ms = self.next_expiry_ms.min(expires_at_ms.unwrap_or(i64::MAX));
        }
    }

    fn drop_if_expired(&mut self, key: &[u8]) {
        let now_ms = self.now_ms;
        if now_ms >= self.next_expiry_ms
            && self
                .entries
                .get(key)
                .is_some_and(|entry| entry.is_expired(now_ms))
        {
            self.remove(key);
        }
    }

    /// Removes what has expired; looks at the keys only if some can have.
    fn remove_expired(&mut self) {
        if self.now_ms < self.next_expiry_ms {
            return;
        }
        let (now_ms, mut freed_bytes, mut next_ms) = (self.now_ms, 0, i64::MAX);
        self.entries.retain(|key, entry| {
            let expired = entry.is_expired(now_ms);
            if expired {
                freed_bytes += cost_bytes(key, &entry.value);
            } else {
                next_ms = next_ms.min(entry.expires_at_ms.unwrap_or(i64::MAX));
            }
            !expired
        });
        self.used_bytes -= freed_bytes;
        self.next_expiry_ms = next_ms;
    }
}

fn cost_bytes(key: &[u8], value: &Value) -> usize {
    key.len() + KEY_OVERHEAD_BYTES + value.cost_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Set;

    #[test]
    fn memory_returns_to_zero_when_all_is_removed() {
        let mut keys = Keyspace::new(1 << 20);
        keys.put(b"a", Value::Text(b"12345".to_vec()), None);
        keys.put(b"a", Value::Text(b"1".to_vec()), None);
        keys.upsert(b"s", |set: &mut Set| Ok(set.insert(b"x")))
            .unwrap();
        keys.edit(b"s", |set: &mut Set| Ok(set.remove(b"x")))
            .unwrap();
        assert!(!keys.contains(b"s"));
        keys.remove(b"a");
        assert_eq!(keys.used_bytes(), 0);
    }

    #[test]
    fn expired_keys_give_their_memory_back_under_pressure() {
        let mut keys = Keyspace::new(400);
        keys.put(b"old", Value::Text(vec![0; 200]), Some(10));
        assert_eq!(keys.reserve(200), Err(CommandError::OutOfMemory));
        keys.set_now_ms(10);
        assert_eq!(keys.reserve(200), Ok(()));
        assert_eq!(keys.used_bytes(), 0);
    }
}
