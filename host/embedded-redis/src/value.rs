//! What a key holds, and what that costs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a member of a collection costs beside its bytes: its place in a tree
/// that is two thirds full, and what the allocator adds.
pub(crate) const MEMBER_OVERHEAD_BYTES: usize = 80;
/// What the value of one key may be charged with. It is copied as a whole for
/// the disk and for who reads it; scripts have as much memory.
pub(crate) const VALUE_BYTES_MAX: usize = 32 << 20;

/// The value of one key.
#[derive(Debug)]
pub(crate) enum Value {
    Text(Vec<u8>),
    Set(Set),
    Hash(Hash),
    List(List),
}

impl Value {
    /// Redis's word for the kind of value.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Set(_) => "set",
            Self::Hash(_) => "hash",
            Self::List(_) => "list",
        }
    }

    /// Bytes the value is charged with.
    pub(crate) fn cost_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Set(set) => set.cost_bytes,
            Self::Hash(hash) => hash.cost_bytes,
            Self::List(list) => list.cost_bytes,
        }
    }

    /// Whether a key with this value is to be removed: Redis keeps empty text, but no empty collection.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Set(set) => set.members.is_empty(),
            Self::Hash(hash) => hash.fields.is_empty(),
            Self::List(list) => list.items.is_empty(),
        }
    }
}

/// A kind of value that commands can ask for.
pub(crate) trait Kind: Default {
    /// The value as this kind, if it is of it.
    fn of(value: &mut Value) -> Option<&mut Self>;
    /// The same, to look at.
    fn of_ref(value: &Value) -> Option<&Self>;
    /// The kind as a value.
    fn into_value(self) -> Value;
}

macro_rules! kind {
    ($kind:ty, $variant:ident) => {
        impl Kind for $kind {
            fn of(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }

            fn of_ref(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }

            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        }
    };
}

kind!(Vec<u8>, Text);
kind!(Set, Set);
kind!(Hash, Hash);
kind!(List, List);

/// Different members, in order of their bytes.
#[derive(Debug, Default)]
pub(crate) struct Set {
    members: BTreeSet<Vec<u8>>,
    cost_bytes: usize,
}

impl Set {
    pub(crate) fn insert(&mut self, member: &[u8]) -> bool {
        let is_new = !self.members.contains(member) && self.members.insert(member.to_vec());
        if is_new {
            self.cost_bytes += member.len() + MEMBER_OVERHEAD_BYTES;
        }
        is_new
    }

    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.members.remove(member);
        if was_there {
            self.cost_bytes -= member.len() + MEMBER_OVERHEAD_BYTES;
        }
        was_there
    }

    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        self.members.contains(member)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.members.iter()
    }
}

/// Values by field, in order of the fields' bytes.
#[derive(Debug, Default)]
pub(crate) struct Hash {
    fields: BTreeMap<Vec<u8>, Vec<u8>>,
    cost_bytes: usize,
}

impl Hash {
    /// Sets a field; true when the field is new.
    pub(crate) fn insert(&mut self, field: &[u8], value: Vec<u8>) -> bool {
        self.cost_bytes += value.len();
        if let Some(old) = self.fields.get_mut(field) {
            self.cost_bytes -= old.len();
            *old = value;
            return false;
        }
        self.cost_bytes += field.len() + MEMBER_OVERHEAD_BYTES;
        self.fields.insert(field.to_vec(), value);
        true
    }

    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        let Some(old) = self.fields.remove(field) else {
            return false;
        };
        self.cost_bytes -= old.len() + field.len() + MEMBER_OVERHEAD_BYTES;
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn get(&self, field: &[u8]) -> Option<&Vec<u8>> {
        self.fields.get(field)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
        self.fields.iter()
    }
}

/// Items between two ends.
#[derive(Debug, Default)]
pub(crate) struct List {
    items: VecDeque<Vec<u8>>,
    cost_bytes: usize,
}

/// One end of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Left,
    Right,
}

impl List {
    pub(crate) fn push(&mut self, end: End, item: &[u8]) {
        self.cost_bytes += item.len() + MEMBER_OVERHEAD_BYTES;
        match end {
            End::Left => self.items.push_front(item.to_vec()),
            End::Right => self.items.push_back(item.to_vec()),
        }
    }

    pub(crate) fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        let item = match end {
            End::Left => self.items.pop_front(),
            End::Right => self.items.pop_back(),
        }?;
        self.cost_bytes -= item.len() + MEMBER_OVERHEAD_BYTES;
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.items.iter()
    }

    /// Items from `start` to `stop`, both included; negative counts from the end.
    pub(crate) fn range(&self, start: i64, stop: i64) -> impl Iterator<Item = &Vec<u8>> {
        let len = i64::try_from(self.items.len()).unwrap_or(i64::MAX);
        let absolute = |at: i64| if at < 0 { at.saturating_add(len) } else { at };
        let first = absolute(start).max(0);
        let last = absolute(stop).min(len - 1);
        let count = last.saturating_sub(first).saturating_add(1).max(0);
        self.items
            .iter()
            .skip(usize::try_from(first).unwrap_or(usize::MAX))
            .take(usize::try_from(count).unwrap_or(0))
    }
}
