//! What has changed since it was last given to the disk.

use std::collections::HashSet;

use crate::keyspace::Key;

/// Keys whose value or expiry is not on disk as it is in memory.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Whether there is a disk.
    noted: bool,
    keys: HashSet<Key>,
    /// Whether everything on disk is to be removed first.
    all_removed: bool,
    /// Grows with every change.
    count: u64,
}

/// Changes on their way to the disk.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    pub(crate) keys: HashSet<Key>,
    pub(crate) all_removed: bool,
}

impl Changes {
    /// Begins to note what changes.
    pub(crate) fn begin(&mut self) {
        self.noted = true;
    }

    /// How many keys have changed.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Grows with every change: the same twice means that nothing has changed in between.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the change of a key is to be noted and is not yet; counts the change.
    pub(crate) fn wants(&mut self, key: &[u8]) -> bool {
        self.count += 1;
        self.noted && !self.keys.contains(key)
    }

    /// Notes that a key has changed or has gone.
    pub(crate) fn note(&mut self, key: &Key) {
        self.count += 1;
        if self.noted {
            self.keys.insert(key.clone());
        }
    }

    /// Notes that no key is left.
    pub(crate) fn all_removed(&mut self) {
        self.replace_all([]);
    }

    /// Lets everything on disk be replaced by these keys.
    pub(crate) fn replace_all<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) {
        self.count += 1;
        if self.noted {
            self.keys = keys.into_iter().cloned().collect();
            self.all_removed = true;
        }
    }

    /// Takes what is to be saved.
    pub(crate) fn take(&mut self) -> Unsaved {
        Unsaved {
            keys: std::mem::take(&mut self.keys),
            all_removed: std::mem::take(&mut self.all_removed),
        }
    }

    /// Takes back what could not be saved. What has been removed since then stays so.
    pub(crate) fn give_back(&mut self, unsaved: Unsaved) {
        if !self.all_removed {
            self.keys.extend(unsaved.keys);
            self.all_removed = unsaved.all_removed;
        }
    }
}
