//! Publishing and subscribing: bounded queues, one order per channel.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::reply::Reply;

/// A published message as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The channel it was published to.
    pub channel: Arc<str>,
    /// What was published.
    pub payload: Bytes,
}

/// Bounds of one subscriber's queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimits {
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: usize,
}

/// Who listens to what.
#[derive(Debug)]
pub(crate) struct Hub {
    limits: QueueLimits,
    channels: Mutex<HashMap<Arc<str>, Vec<Arc<Queue>>>>,
    published: AtomicU64,
    delivered: AtomicU64,
    dropped: AtomicU64,
}

/// Messages on their way to one subscriber.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Notify,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct QueueState {
    messages: VecDeque<Message>,
    payload_bytes: usize,
    closed: bool,
}

/// A subscriber: what is published to its channels from now on, in order.
///
/// A subscriber that reads too slowly loses messages; publishers never wait
/// for it. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
    channels: Vec<Arc<str>>,
    hub: Weak<Hub>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that holds one of these locks can stop half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            channels: Mutex::default(),
            published: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    pub(crate) fn subscribe(self: &Arc<Self>, channels: &[String]) -> Subscription {
        let queue = Arc::new(Queue::default());
        let mut names: Vec<Arc<str>> = channels.iter().map(|c| Arc::from(c.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        let mut by_channel = lock(&self.channels);
        for name in &names {
            by_channel
                .entry(Arc::clone(name))
                .or_default()
                .push(Arc::clone(&queue));
        }
        Subscription {
            queue,
            channels: names,
            hub: Arc::downgrade(self),
        }
    }

    /// Publishes a message as a command does.
    pub(crate) fn publish_bytes(&self, channel: &[u8], payload: &[u8]) -> Reply {
        Reply::count(self.publish(channel, || Bytes::copy_from_slice(payload)))
    }

    /// Gives a message to everyone who listens; how many got it. All
    /// subscribers of a channel see its messages in the same order, because
    /// one publisher at a time holds the lock.
    pub(crate) fn publish(&self, channel: &[u8], payload: impl FnOnce() -> Bytes) -> usize {
        self.published.fetch_add(1, Ordering::Relaxed);
        let Ok(channel) = std::str::from_utf8(channel) else {
            return 0; // Subscribers name their channels with text.
        };
        let by_channel = lock(&self.channels);
        let Some((name, queues)) = by_channel.get_key_value(channel) else {
            return 0;
        };
        let message = Message {
            channel: Arc::clone(name),
            payload: payload(),
        };
        let got = queues
            .iter()
            .filter(|queue| queue.push(message.clone(), self.limits))
            .count();
        self.delivered.fetch_add(got as u64, Ordering::Relaxed);
        let lost = queues.len() - got;
        self.dropped.fetch_add(lost as u64, Ordering::Relaxed);
        got
    }

    /// Ends every subscription: `next` gives what is queued, then `None`.
    pub(crate) fn close(&self) {
        let by_channel = std::mem::take(&mut *lock(&self.channels));
        by_channel
            .values()
            .flatten()
            .for_each(|queue| queue.close());
    }

    pub(crate) fn subscriptions(&self) -> usize {
        lock(&self.channels).values().map(Vec::len).sum()
    }

    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn push(&self, message: Message, limits: QueueLimits) -> bool {
        let mut state = lock(&self.state);
        let bytes = state.payload_bytes.saturating_add(message.payload.len());
        if state.messages.len() >= limits.messages_max || bytes > limits.bytes_max {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let was_empty = state.messages.is_empty();
        state.payload_bytes = bytes;
        state.messages.push_back(message);
        drop(state);
        if was_empty {
            self.changed.notify_one();
        }
        true
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_one();
    }
}

impl Subscription {
    /// The next message; `None` when the server is gone or closed and nothing is left.
    ///
    /// Giving up the wait loses no message.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            {
                let mut state = lock(&self.queue.state);
                if let Some(message) = state.messages.pop_front() {
                    state.payload_bytes -= message.payload.len();
                    return Some(message);
                }
                if state.closed {
                    return None;
                }
            }
            self.queue.changed.notified().await;
        }
    }

    /// Messages this subscriber lost because it read too slowly.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(hub) = self.hub.upgrade() else {
            return;
        };
        let mut by_channel = lock(&hub.channels);
        for name in &self.channels {
            if let Some(queues) = by_channel.get_mut(name) {
                queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
                if queues.is_empty() {
                    by_channel.remove(name);
                }
            }
        }
    }
}
