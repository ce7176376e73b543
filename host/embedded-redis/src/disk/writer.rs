//! The thread that writes: all who wait while it writes go to disk together.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::file::Save;
use super::{File, Row};
use crate::changes::Unsaved;
use crate::keyspace::{Key, Keyspace};
use crate::lock;
use crate::script::Scripts;

/// How long a change that nobody waits for may stay in memory alone.
const LATER_MAX: Duration = Duration::from_secs(1);
/// Keys that are copied for the disk at one time: commands wait meanwhile.
const KEYS_PER_COPY: usize = 1024;
/// Bytes of their values, from which on no more keys are copied at one time.
const BYTES_PER_COPY: usize = 1 << 20;
/// Copies of one save. The last one takes all that is left, should commands
/// change keys faster than they are copied.
const COPIES_MAX: usize = 1024;
/// How long a row must be over before it is removed for that alone.
const PURGE_AFTER_MS: i64 = 60 * 60 * 1000;

/// Whether a change is on disk, or why not.
pub(crate) type Saved = Result<(), Arc<str>>;

/// The memory that is written.
pub(crate) struct Memory {
    pub(crate) turn: Arc<Mutex<Scripts>>,
    pub(crate) keys: Arc<Mutex<Keyspace>>,
    pub(crate) now_ms: Box<dyn Fn() -> i64 + Send>,
}

/// A handle on the thread; it writes what there is and ends when this is dropped.
pub(crate) struct Writer {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signal {
    wanted: Mutex<Wanted>,
    wake: Condvar,
}

#[derive(Default)]
struct Wanted {
    waiting: Vec<oneshot::Sender<Saved>>,
    /// Whether somebody waits for everything, counters too.
    everything: bool,
    stop: bool,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn start(file: File, memory: Memory) -> Result<Self, String> {
        let signal = Arc::new(Signal::default());
        let work = Work {
            file,
            memory,
            signal: signal.clone(),
            is_failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("redis-writer".to_owned())
            .spawn(move || work.run())
            .map_err(|error| format!("no thread to write it: {error}"))?;
        Ok(Self {
            signal,
            thread: Some(thread),
        })
    }

    /// Asks for what has changed so far; the receiver learns when it is on disk.
    pub(crate) fn ask(&self, everything: bool) -> oneshot::Receiver<Saved> {
        let (sender, receiver) = oneshot::channel();
        let mut wanted = lock(&self.signal.wanted);
        wanted.waiting.push(sender);
        wanted.everything |= everything;
        drop(wanted);
        self.signal.wake.notify_one();
        receiver
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.signal.wanted).stop = true;
        self.signal.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has said why, if it has failed.
            let _ = thread.join();
        }
    }
}

struct Work {
    file: File,
    memory: Memory,
    signal: Arc<Signal>,
    /// Whether the last attempt failed: the log is told once.
    is_failing: bool,
}

impl Work {
    fn run(mut self) {
        let mut later_at = Instant::now() + LATER_MAX;
        loop {
            let wanted = self.wait_until(later_at);
            let with_later = wanted.everything || wanted.stop || Instant::now() >= later_at;
            let saved = self.save(with_later);
            if with_later {
                later_at = Instant::now() + LATER_MAX;
            }
            for waiting in wanted.waiting {
                // Who has gone does not want to know.
                let _ = waiting.send(saved.clone());
            }
            if wanted.stop {
                return;
            }
        }
    }

    /// Waits for somebody who wants something, and not past `at`.
    fn wait_until(&self, at: Instant) -> Wanted {
        let idle = |wanted: &mut Wanted| wanted.waiting.is_empty() && !wanted.stop;
        let wanted = lock(&self.signal.wanted);
        let timeout = at.saturating_duration_since(Instant::now());
        let waited = self.signal.wake.wait_timeout_while(wanted, timeout, idle);
        let (mut wanted, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
        let stop = wanted.stop;
        let taken = std::mem::take(&mut *wanted);
        wanted.stop = stop;
        taken
    }

    fn save(&mut self, with_later: bool) -> Saved {
        let mut taken = Unsaved::default();
        let outcome = self.write(&mut taken, with_later);
        match &outcome {
            Ok(()) if self.is_failing => tracing::info!("the embedded Redis writes again"),
            Err(reason) if !self.is_failing => {
                tracing::error!(%reason, "the embedded Redis cannot write: it goes on from memory");
            }
            _ => {}
        }
        self.is_failing = outcome.is_err();
        outcome.map_err(|reason| {
            let _turn = lock(&self.memory.turn);
            lock(&self.memory.keys).changes().give_back(taken);
            reason.into()
        })
    }

    /// Writes what has changed; `taken` is what it has taken from the memory.
    fn write(&mut self, taken: &mut Unsaved, with_later: bool) -> Result<(), String> {
        // First the transaction: what it waits for, commands need not wait for.
        let save = self.file.save()?;
        let mut queue = Vec::new();
        for copies in 1.. {
            // What runs between two copies may be half in the queue already.
            let with_later = with_later || copies > 1;
            let copied = copy(&self.memory, &mut queue, with_later, copies >= COPIES_MAX);
            if copied.fresh.all_removed {
                save.remove_all()?;
            }
            taken.extend(copied.fresh);
            save.write(&copied.rows)?;
            if queue.is_empty() {
                break;
            }
        }
        if with_later {
            purge(&self.memory, &save)?;
        }
        save.commit()
    }
}

/// Removes rows that have been over for long and of which memory has nothing: a
/// clock that has jumped ahead takes nothing that may live on.
fn purge(memory: &Memory, save: &Save<'_>) -> Result<(), String> {
    let over_since_ms = (memory.now_ms)().saturating_sub(PURGE_AFTER_MS);
    let mut over = save.over_since(over_since_ms)?;
    if over.is_empty() {
        return Ok(());
    }
    {
        let keys = lock(&memory.keys);
        over.retain(|key| !keys.holds(key));
    }
    save.remove(&over)
}

/// What was taken from the memory at one time.
struct Copied {
    /// What has changed since the time before.
    fresh: Unsaved,
    rows: Vec<Row>,
}

/// Takes what has changed and copies some keys of the queue as they are now.
///
/// Between two copies commands run, so that a large save holds nobody up. What
/// they change comes into the queue again: when it is empty, all that was copied
/// is what the memory held at that moment, and no script is there by halves.
fn copy(memory: &Memory, queue: &mut Vec<Key>, with_later: bool, is_last: bool) -> Copied {
    let _turn = lock(&memory.turn);
    let mut space = lock(&memory.keys);
    let fresh = space.changes().take(with_later);
    if fresh.all_removed {
        queue.clear();
    }
    queue.extend(fresh.keys.iter().cloned());
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while is_last || (rows.len() < KEYS_PER_COPY && bytes < BYTES_PER_COPY) {
        let Some(key) = queue.pop() else {
            break;
        };
        let row = Row::of(&space, &key);
        bytes += row.size_bytes();
        rows.push(row);
    }
    Copied { fresh, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::Saving;
    use crate::pubsub::{Hub, QueueLimits};
    use crate::value::Value;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn memory(now_ms: i64) -> Memory {
        let keys = Arc::new(Mutex::new(Keyspace::new(64 << 20)));
        let hub = Arc::new(Hub::new(QueueLimits {
            messages_max: 1,
            bytes_max: 1,
        }));
        lock(&keys).changes().start();
        Memory {
            turn: Arc::new(Mutex::new(Scripts::new(keys.clone(), hub))),
            keys,
            now_ms: Box::new(move || now_ms),
        }
    }

    fn row(key: &[u8], expires_at_ms: i64) -> Row {
        let mut keys = Keyspace::new(1 << 20);
        keys.put(key, Value::Text(Vec::new()), Some(expires_at_ms));
        Row::of(&keys, &key.into())
    }

    #[test]
    fn only_rows_that_are_over_for_long_and_not_in_memory_are_purged() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::open(&folder.path().join("redis.db")).unwrap();
        let memory = memory(3 * HOUR_MS);
        let text = Value::Text(Vec::new());
        lock(&memory.keys).put(b"in memory", text, Some(HOUR_MS));
        let save = file.save().unwrap();
        let rows = [
            row(b"in memory", HOUR_MS),
            row(b"long", HOUR_MS),
            row(b"short", 3 * HOUR_MS - 1),
        ];
        save.write(&rows).unwrap();
        purge(&memory, &save).unwrap();
        let mut left = save.over_since(i64::MAX).unwrap();
        left.sort_unstable();
        assert_eq!(left, [b"in memory".to_vec(), b"short".to_vec()]);
    }

    #[test]
    fn what_changes_between_two_copies_is_copied_once_more() {
        let memory = memory(0);
        let put = |key: &[u8], value: &[u8], saving| {
            let mut keys = lock(&memory.keys);
            keys.begin(0, saving);
            keys.put(key, Value::Text(value.to_vec()), None);
        };
        let large = vec![0; BYTES_PER_COPY];
        put(b"a", &large, Saving::First);
        put(b"b", &large, Saving::First);
        let mut queue = Vec::new();
        let first = copy(&memory, &mut queue, false, false);
        assert_eq!((first.rows.len(), queue.len()), (1, 1));
        put(b"a", b"new", Saving::Later);
        put(b"b", b"new", Saving::Later);
        let mut after = Vec::new();
        while !queue.is_empty() {
            after.extend(copy(&memory, &mut queue, true, false).rows);
        }
        for key in [&b"a"[..], b"b"] {
            let last = after.iter().rfind(|row| &row.key[..] == key).unwrap();
            assert!(last.size_bytes() < 100, "the new value is copied");
        }
    }

    #[test]
    fn a_disk_that_fails_is_told_and_what_it_missed_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("redis.db")).unwrap();
        file.break_it();
        let memory = memory(0);
        let keys = memory.keys.clone();
        lock(&keys).begin(0, Saving::First);
        lock(&keys).put(b"k", Value::Text(b"v".to_vec()), None);
        let writer = Writer::start(file, memory).unwrap();
        let saved = writer.ask(false).blocking_recv().unwrap();
        assert!(saved.unwrap_err().contains("no such table"));
        drop(writer);
        let unsaved = lock(&keys).changes().take(false);
        assert_eq!(unsaved.keys.len(), 1);
    }
}
