//! The thread that writes: all who wait while it writes go to disk together.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

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
        let mut unsaved = {
            let _turn = lock(&self.memory.turn);
            lock(&self.memory.keys).changes().take(with_later)
        };
        let outcome = self.write(&unsaved, with_later);
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
            let unsaved = std::mem::take(&mut unsaved);
            lock(&self.memory.keys).changes().give_back(unsaved);
            reason.into()
        })
    }

    fn write(&mut self, unsaved: &Unsaved, with_later: bool) -> Result<(), String> {
        if unsaved.is_empty() && !with_later {
            return Ok(());
        }
        let save = self.file.save()?;
        if unsaved.all_removed {
            save.remove_all()?;
        }
        let mut keys = unsaved.keys.iter().peekable();
        while keys.peek().is_some() {
            save.write(&copy(&self.memory, &mut keys))?;
        }
        if with_later {
            save.purge((self.memory.now_ms)())?;
        }
        save.commit()
    }
}

/// Copies some keys as they are now. Between two copies commands run, so that a
/// large save holds nobody up; what they change is saved once more.
fn copy<'a>(memory: &Memory, keys: &mut impl Iterator<Item = &'a Key>) -> Vec<Row> {
    let _turn = lock(&memory.turn);
    let space = lock(&memory.keys);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while rows.len() < KEYS_PER_COPY && bytes < BYTES_PER_COPY {
        let Some(key) = keys.next() else {
            break;
        };
        let row = Row::of(&space, key);
        bytes += row.size_bytes();
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::Saving;
    use crate::pubsub::{Hub, QueueLimits};
    use crate::value::Value;

    #[test]
    fn a_disk_that_fails_is_told_and_what_it_missed_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("redis.db")).unwrap();
        file.break_it();
        let keys = Arc::new(Mutex::new(Keyspace::new(1 << 20)));
        let hub = Arc::new(Hub::new(QueueLimits {
            messages_max: 1,
            bytes_max: 1,
        }));
        let memory = Memory {
            turn: Arc::new(Mutex::new(Scripts::new(keys.clone(), hub))),
            keys: keys.clone(),
            now_ms: Box::new(|| 0),
        };
        lock(&keys).changes().start();
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
