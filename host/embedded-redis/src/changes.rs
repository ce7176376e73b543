//! What has changed since it was last given to the disk.

use std::collections::HashSet;

use crate::keyspace::Key;

/// When a change must be on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Saving {
    /// Before the reply is given.
    First,
    /// Soon.
    #[default]
    Later,
}

/// Keys whose value or expiry is not on disk as it is in memory.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Whether there is a disk.
    noted: bool,
    /// How the running command's changes are saved.
    saving: Saving,
    unsaved: Unsaved,
    /// Of changes that may be saved later; none that is in `unsaved` too.
    later: HashSet<Key>,
    /// Keys that have expired and were dropped; none that is above.
    dropped: HashSet<Key>,
    /// Whether a key has been changed in both ways: what may be saved later
    /// then goes with the rest, so that no script is on disk with some of its
    /// keys only.
    joined: bool,
    /// Grows with every change.
    count: u64,
}

/// Changes on their way to the disk.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    pub(crate) keys: HashSet<Key>,
    /// Whether everything on disk is to be removed first.
    pub(crate) all_removed: bool,
}

impl Unsaved {
    /// Adds what has changed after this.
    pub(crate) fn extend(&mut self, later: Self) {
        if later.all_removed {
            *self = later;
        } else {
            self.keys.extend(later.keys);
        }
    }
}

impl Changes {
    /// Notes from now on what changes.
    pub(crate) fn start(&mut self) {
        self.noted = true;
    }

    /// Says how the changes of the command that follows are saved.
    pub(crate) fn begin(&mut self, saving: Saving) {
        self.saving = saving;
    }

    /// How the changes of the command that runs are saved.
    pub(crate) fn saving(&self) -> Saving {
        self.saving
    }

    /// How many keys have changed.
    pub(crate) fn len(&self) -> usize {
        self.unsaved.keys.len() + self.later.len() + self.dropped.len()
    }

    /// Grows with every change: the same twice means that nothing has changed in between.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the change of a key is to be noted and is not yet; counts the change.
    pub(crate) fn wants(&mut self, key: &[u8]) -> bool {
        self.count += 1;
        if !self.noted {
            return false;
        }
        if self.unsaved.keys.contains(key) {
            self.joined |= self.saving == Saving::Later;
            return false;
        }
        self.saving == Saving::First || !self.later.contains(key)
    }

    /// Notes that a key has changed or has gone.
    pub(crate) fn note(&mut self, key: &Key) {
        if !self.wants(key) {
            return;
        }
        self.dropped.remove(key);
        match self.saving {
            Saving::Later => {
                self.later.insert(key.clone());
            }
            Saving::First => {
                self.joined |= self.later.remove(key);
                self.unsaved.keys.insert(key.clone());
            }
        }
    }

    /// Notes that a key has expired and was dropped. No command has changed it.
    pub(crate) fn note_dropped(&mut self, key: Key) {
        let is_noted = self.unsaved.keys.contains(&key) || self.later.contains(&key);
        if self.noted && !is_noted {
            self.dropped.insert(key);
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
            self.later = HashSet::new();
            self.dropped = HashSet::new();
            self.joined = false;
            self.unsaved = Unsaved {
                keys: keys.into_iter().cloned().collect(),
                all_removed: true,
            };
        }
    }

    /// Takes what is to be saved: what somebody waits for, or everything.
    pub(crate) fn take(&mut self, with_later: bool) -> Unsaved {
        let mut taken = std::mem::take(&mut self.unsaved);
        if std::mem::take(&mut self.joined) || with_later {
            taken.keys.extend(self.later.drain());
        }
        if with_later {
            taken.keys.extend(self.dropped.drain());
        }
        taken
    }

    /// Takes back what could not be saved, unless all keys have been removed
    /// since, or are to be written anyway.
    pub(crate) fn give_back(&mut self, unsaved: Unsaved) {
        if self.unsaved.all_removed {
            return;
        }
        for key in unsaved.keys {
            self.joined |= self.later.remove(&key);
            self.dropped.remove(&key);
            self.unsaved.keys.insert(key);
        }
        self.unsaved.all_removed = unsaved.all_removed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        name.as_bytes().into()
    }

    fn taken(changes: &mut Changes, with_later: bool) -> Vec<Key> {
        let mut keys: Vec<_> = changes.take(with_later).keys.into_iter().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn what_somebody_waits_for_does_not_bring_what_nobody_waits_for() {
        let mut changes = Changes::default();
        changes.start();
        changes.begin(Saving::Later);
        changes.note(&key("counter"));
        changes.begin(Saving::First);
        changes.note(&key("set"));
        assert_eq!(taken(&mut changes, false), [key("set")]);
        assert_eq!(taken(&mut changes, true), [key("counter")]);
    }

    #[test]
    fn a_key_that_is_changed_in_both_ways_brings_all() {
        for order in [
            [Saving::Later, Saving::First],
            [Saving::First, Saving::Later],
        ] {
            let mut changes = Changes::default();
            changes.start();
            for saving in order {
                changes.begin(saving);
                changes.note(&key("both"));
                if saving == Saving::Later {
                    changes.note(&key("of the same script"));
                }
            }
            let all = [key("both"), key("of the same script")];
            assert_eq!(taken(&mut changes, false), all, "{order:?}");
        }
    }

    #[test]
    fn what_has_expired_is_noted_and_is_nobodys_change() {
        let mut changes = Changes::default();
        changes.start();
        changes.begin(Saving::First);
        changes.note_dropped(key("old"));
        changes.note_dropped(key("old, then set"));
        assert_eq!(changes.count(), 0);
        changes.note(&key("old, then set"));
        assert_eq!(taken(&mut changes, false), [key("old, then set")]);
        assert_eq!(taken(&mut changes, true), [key("old")]);
    }

    #[test]
    fn what_could_not_be_saved_is_tried_again() {
        let mut changes = Changes::default();
        changes.start();
        changes.begin(Saving::First);
        changes.note(&key("a"));
        let failed = changes.take(false);
        changes.note(&key("b"));
        changes.give_back(failed);
        assert_eq!(taken(&mut changes, false), [key("a"), key("b")]);
    }

    #[test]
    fn what_could_not_be_saved_does_not_come_back_after_all_was_removed() {
        let mut changes = Changes::default();
        changes.start();
        changes.begin(Saving::First);
        changes.note(&key("a"));
        let failed = changes.take(false);
        changes.all_removed();
        changes.give_back(failed);
        let unsaved = changes.take(true);
        assert!(unsaved.all_removed);
        assert!(unsaved.keys.is_empty());
    }

    #[test]
    fn nothing_is_noted_without_a_disk() {
        let mut changes = Changes::default();
        changes.note(&key("a"));
        changes.all_removed();
        assert_eq!(changes.len(), 0);
        assert!(!changes.take(true).all_removed);
        assert_eq!(changes.count(), 2);
    }
}
