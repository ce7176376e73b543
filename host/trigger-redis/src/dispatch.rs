//! Messages on their way into one component: a bounded queue, and a bounded
//! number of calls at a time.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::RedisTriggerOptions;
use crate::component::RedisFunction;
use crate::stats::count;

/// The way into one component; clones lead to the same queue.
#[derive(Clone)]
pub(crate) struct Queue {
    deliveries: mpsc::Sender<Delivery>,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
}

struct Delivery {
    channel: Arc<str>,
    payload: Bytes,
    arrived: Instant,
    /// Held until the message is handled.
    bytes: OwnedSemaphorePermit,
}

impl Queue {
    /// Starts the task that empties the queue; it ends when the last clone is
    /// dropped and every message is handled.
    pub(crate) fn start(
        function: Arc<RedisFunction>,
        options: &RedisTriggerOptions,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(options.queue_messages_max.max(1));
        let concurrency_max = function.function().limits().concurrency_max;
        let in_flight_max = options.in_flight_max.min(concurrency_max).max(1);
        tasks.spawn(empty(function, receiver, in_flight_max));
        Self {
            deliveries: sender,
            bytes: Arc::new(Semaphore::new(options.queue_bytes_max as usize)),
            bytes_max: options.queue_bytes_max,
        }
    }

    /// Waits for room and puts a message in.
    pub(crate) async fn push(&self, channel: Arc<str>, payload: Bytes) {
        let arrived = Instant::now();
        // A message larger than the whole queue takes all of it.
        let size = u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .min(self.bytes_max);
        let Ok(bytes) = self.bytes.clone().acquire_many_owned(size).await else {
            return;
        };
        let delivery = Delivery {
            channel,
            payload,
            arrived,
            bytes,
        };
        // The other end goes away only when the host stops.
        let _ = self.deliveries.send(delivery).await;
    }
}

/// Runs calls in the order of their messages, `in_flight_max` at a time.
async fn empty(
    function: Arc<RedisFunction>,
    mut deliveries: mpsc::Receiver<Delivery>,
    in_flight_max: usize,
) {
    let mut calls = JoinSet::new();
    loop {
        while calls.len() >= in_flight_max {
            ended(&function, calls.join_next().await);
        }
        let delivery = tokio::select! {
            Some(call) = calls.join_next() => {
                ended(&function, Some(call));
                continue;
            }
            delivery = deliveries.recv() => delivery,
        };
        let Some(delivery) = delivery else { break };
        let function = function.clone();
        calls.spawn(async move {
            let Delivery {
                channel,
                payload,
                arrived,
                bytes,
            } = delivery;
            function.handle(&channel, &payload, arrived).await;
            drop(bytes);
        });
    }
    while let Some(call) = calls.join_next().await {
        ended(&function, Some(call));
    }
}

fn ended(function: &RedisFunction, call: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = call {
        count(&function.stats().failed);
        tracing::error!(component = %function.function().id(), %error, "the host failed to run a component");
    }
}
