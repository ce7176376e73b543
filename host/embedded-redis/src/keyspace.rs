//! Keys, their values, their expiry, and the bound on their memory.

use std::collections::HashMap;
use std::sync::Arc;

use crate::changes::{Changes, Saving};
use crate::error::CommandError;
use crate::expiry::{self, Expiries};
use crate::value::{Kind, Value};

/// What a key costs beside its own bytes and its value: the entry, and its
/// places among what expires and what has changed. With a half-empty table and
/// what the allocator adds it is about this.
pub(crate) const KEY_OVERHEAD_BYTES: usize = 256;
/// Keys whose time has come that one command looks at: two or more, so that
/// they go faster than commands can make them.
const SWEPT_PER_COMMAND: usize = 4;
/// Filings of keys that have gone or live longer, beside as many as there are keys.
const STALE_FILINGS_MAX: usize = 1024;
/// Removed keys that a failing disk may leave to be removed there, beside as
/// many as there are keys: over it everything is written anew.
const REMOVED_UNSAVED_MAX: usize = 65_536;
/// How often a full server looks for keys that have expired in this very second.
const FULL_SWEEP_MS: i64 = 100;
const MICROSECONDS_PER_MS: i64 = 1000;

/// A key; its places share its bytes.
pub(crate) type Key = Arc<[u8]>;

/// All keys of one server.
#[derive(Debug)]
pub(crate) struct Keyspace {
    entries: HashMap<Key, Entry>,
    expiries: Expiries,
    changes: Changes,
    used_bytes: usize,
    memory_bytes_max: usize,
    /// The time of the command that runs.
    now_us: i64,
    /// When a full server may look through the present second again.
    next_full_sweep_ms: i64,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    expires_at_ms: Option<i64>,
    /// The second under which the key is filed among what expires.
    filed_s: Option<i64>,
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
            expiries: Expiries::default(),
            changes: Changes::default(),
            used_bytes: 0,
            memory_bytes_max,
            now_us: 0,
            next_full_sweep_ms: i64::MIN,
        }
    }

    /// What has changed and is not on disk.
    pub(crate) fn changes(&mut self) -> &mut Changes {
        &mut self.changes
    }

    /// Begins a command: its time in microseconds since the Unix epoch, and how
    /// its changes are saved.
    pub(crate) fn begin(&mut self, now_us: i64, saving: Saving) {
        self.now_us = now_us;
        self.changes.begin(saving);
        self.sweep(SWEPT_PER_COMMAND);
        if self.expiries.filed() > self.entries.len().saturating_mul(2) + STALE_FILINGS_MAX {
            self.file_anew();
        }
        if self.changes.len() > self.entries.len().saturating_mul(2) + REMOVED_UNSAVED_MAX {
            self.changes.replace_all(self.entries.keys());
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.now_us.div_euclid(MICROSECONDS_PER_MS)
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.now_us
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Refuses growth by up to `growth_bytes` when it could pass the bound.
    pub(crate) fn reserve(&mut self, growth_bytes: usize) -> Result<(), CommandError> {
        if self.used_bytes.saturating_add(growth_bytes) <= self.memory_bytes_max {
            return Ok(());
        }
        self.sweep(usize::MAX);
        let now_ms = self.now_ms();
        if now_ms >= self.next_full_sweep_ms {
            self.next_full_sweep_ms = now_ms.saturating_add(FULL_SWEEP_MS);
            self.sweep_present();
        }
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
    pub(crate) fn keys(&mut self) -> impl Iterator<Item = (&Key, &Value)> {
        self.remove_expired();
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    pub(crate) fn clear(&mut self) {
        self.entries = HashMap::new();
        self.used_bytes = 0;
        self.expiries = Expiries::default();
        self.changes.all_removed();
    }

    /// The value of a living key.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&Value> {
        self.drop_if_expired(key);
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// A key as it is, expired or not: its value and expiry.
    pub(crate) fn peek(&self, key: &[u8]) -> Option<(&Value, Option<i64>)> {
        let entry = self.entries.get(key)?;
        Some((&entry.value, entry.expires_at_ms))
    }

    /// Whether a key is in memory, expired or not.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    /// Bytes a key's value is charged with; none without the key.
    pub(crate) fn value_bytes(&mut self, key: &[u8]) -> usize {
        self.get(key).map_or(0, Value::cost_bytes)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key when it is of the kind asked for.
    pub(crate) fn read<V: Kind>(&mut self, key: &[u8]) -> Result<Option<&V>, CommandError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => V::of_ref(value).map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// Changes the value of a key, making an empty one first if there is none.
    pub(crate) fn upsert<V: Kind, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut V) -> Result<R, CommandError>,
    ) -> Result<R, CommandError> {
        self.drop_if_expired(key);
        if !self.entries.contains_key(key) {
            let mut fresh = V::default();
            let outcome = change(&mut fresh)?;
            self.put(key, fresh.into_value(), None);
            return Ok(outcome);
        }
        let outcome = self.edit(key, change)?;
        outcome.ok_or(CommandError::WrongType)
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
        let outcome = entry.change(&mut self.used_bytes, change)?;
        if entry.value.is_spent() {
            self.remove(key);
        } else {
            self.note(key);
        }
        Ok(Some(outcome))
    }

    /// Puts a value in the place of whatever the key held.
    pub(crate) fn put(&mut self, key: &[u8], value: Value, expires_at_ms: Option<i64>) {
        if value.is_spent() {
            self.remove(key);
            return;
        }
        if let Some(entry) = self.entries.get_mut(key) {
            self.used_bytes = self.used_bytes - entry.value.cost_bytes() + value.cost_bytes();
            entry.value = value;
            entry.expires_at_ms = expires_at_ms;
        } else {
            self.used_bytes += cost_bytes(key, &value);
            let entry = Entry {
                value,
                expires_at_ms,
                filed_s: None,
            };
            self.entries.insert(key.into(), entry);
        }
        self.file(key);
        self.note(key);
    }

    /// Removes a key; its value if it was alive.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let (key, entry) = self.take(key)?;
        self.changes.note(&key);
        (!entry.is_expired(self.now_ms())).then_some(entry.value)
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
            self.file(key);
            self.note(key);
        }
    }

    fn take(&mut self, key: &[u8]) -> Option<(Key, Entry)> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.used_bytes -= cost_bytes(&key, &entry.value);
        Some((key, entry))
    }

    /// Notes that a key has another value or expiry than before.
    fn note(&mut self, key: &[u8]) {
        if self.changes.wants(key)
            && let Some((key, _)) = self.entries.get_key_value(key)
        {
            self.changes.note(key);
        }
    }

    /// Files a key under the second in which it expires. One that is filed
    /// earlier is looked at then, and filed again: keys whose expiry moves on
    /// with every command cost nothing here.
    fn file(&mut self, key: &[u8]) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let Some(second) = entry.expires_at_ms.map(expiry::second_of) else {
            return;
        };
        if entry.filed_s.is_some_and(|filed_s| filed_s <= second) {
            return;
        }
        entry.filed_s = Some(second);
        if let Some((key, _)) = self.entries.get_key_value(key) {
            self.expiries.file(second, key.clone());
        }
    }

    fn file_anew(&mut self) {
        self.expiries = Expiries::default();
        for (key, entry) in &mut self.entries {
            entry.filed_s = entry.expires_at_ms.map(expiry::second_of);
            if let Some(second) = entry.filed_s {
                self.expiries.file(second, key.clone());
            }
        }
    }

    /// Drops a key whose time is over; nobody waits until the disk knows.
    fn drop_if_expired(&mut self, key: &[u8]) {
        let now_ms = self.now_ms();
        let entry = self.entries.get(key);
        if entry.is_some_and(|entry| entry.is_expired(now_ms))
            && let Some((key, _)) = self.take(key)
        {
            self.changes.note_dropped(key);
        }
    }

    /// Removes up to `count_max` keys whose second is over.
    fn sweep(&mut self, count_max: usize) {
        let present_s = expiry::second_of(self.now_ms());
        for _ in 0..count_max {
            let Some((second, key)) = self.expiries.take_before(present_s) else {
                return;
            };
            self.drop_if_expired(&key);
            if let Some(entry) = self.entries.get_mut(&key)
                && entry.filed_s == Some(second)
            {
                entry.filed_s = None;
                self.file(&key);
            }
        }
    }

    /// Removes what has expired in the second that is not over.
    fn sweep_present(&mut self) {
        let present_s = expiry::second_of(self.now_ms());
        for key in self.expiries.filed_under(present_s) {
            self.drop_if_expired(&key);
        }
    }

    fn remove_expired(&mut self) {
        self.sweep(usize::MAX);
        self.sweep_present();
    }
}

fn cost_bytes(key: &[u8], value: &Value) -> usize {
    key.len() + KEY_OVERHEAD_BYTES + value.cost_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Set;

    fn text(len: usize) -> Value {
        Value::Text(vec![0; len])
    }

    #[test]
    fn memory_returns_to_zero_when_all_is_removed() {
        let mut keys = Keyspace::new(1 << 20);
        keys.put(b"a", text(5), None);
        keys.put(b"a", text(1), None);
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
        let mut keys = Keyspace::new(500);
        keys.put(b"old", text(200), Some(10));
        assert_eq!(keys.reserve(200), Err(CommandError::OutOfMemory));
        keys.begin(FULL_SWEEP_MS * MICROSECONDS_PER_MS, Saving::Later);
        assert_eq!(keys.reserve(200), Ok(()));
        assert_eq!(keys.used_bytes(), 0);
    }

    #[test]
    fn commands_sweep_what_has_expired_and_nothing_else() {
        let mut keys = Keyspace::new(1 << 20);
        for n in 0..100_u8 {
            keys.put(&[n], text(1), Some(500));
        }
        keys.put(b"moved on", text(1), Some(500));
        keys.set_expiry_ms(b"moved on", Some(5_000));
        keys.put(b"stays", text(1), Some(500));
        keys.set_expiry_ms(b"stays", None);
        for _ in 0..100 {
            keys.begin(1_000_000, Saving::Later);
        }
        assert_eq!(keys.entries.len(), 2);
        for _ in 0..2 {
            keys.begin(6_000_000, Saving::Later);
        }
        assert_eq!(keys.entries.len(), 1);
        assert_eq!(keys.expiries.filed(), 0);
    }

    #[test]
    fn keys_made_and_removed_over_and_over_leave_nothing_behind() {
        let mut keys = Keyspace::new(1 << 20);
        for _ in 0..10_000 {
            keys.begin(0, Saving::Later);
            keys.put(b"k", text(1), Some(86_400_000));
            keys.remove(b"k");
        }
        assert!(keys.expiries.filed() <= STALE_FILINGS_MAX + 2);
    }
}
