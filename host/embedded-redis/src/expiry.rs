//! Keys by the second in which they expire.

use std::collections::BTreeMap;

use crate::keyspace::Key;

const MS_PER_SECOND: i64 = 1000;

/// The second that an instant in milliseconds belongs to.
pub(crate) fn second_of(instant_ms: i64) -> i64 {
    instant_ms.div_euclid(MS_PER_SECOND)
}

/// Keys to be looked at when a second is over. A key may be here that has gone,
/// lives longer or is here twice: who takes it out looks at it then.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    by_second: BTreeMap<i64, Vec<Key>>,
    filed: usize,
}

impl Expiries {
    /// Files a key under a second.
    pub(crate) fn file(&mut self, second: i64, key: Key) {
        self.by_second.entry(second).or_default().push(key);
        self.filed += 1;
    }

    /// How many keys are filed, counting each as often as it is.
    pub(crate) fn filed(&self) -> usize {
        self.filed
    }

    /// Takes out a key that is filed under an earlier second than `second`.
    pub(crate) fn take_before(&mut self, second: i64) -> Option<(i64, Key)> {
        let mut first = self.by_second.first_entry()?;
        let filed_under = *first.key();
        if filed_under >= second {
            return None;
        }
        let key = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        let key = key?;
        self.filed -= 1;
        Some((filed_under, key))
    }

    /// The keys filed under one second, which stay filed.
    pub(crate) fn filed_under(&self, second: i64) -> Vec<Key> {
        self.by_second.get(&second).cloned().unwrap_or_default()
    }
}
