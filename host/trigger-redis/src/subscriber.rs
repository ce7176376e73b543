//! One subscription: all channels of one address, over one connection that
//! comes back when it breaks.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use host_embedded_redis::Subscription;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::RedisTriggerOptions;
use crate::address::Address;
use crate::backoff::{Backoff, random};
use crate::connect::{self, Reader, Writer};
use crate::dispatch::Queue;
use crate::stats::{AddressStats, count};
use crate::wire::{Bulk, Frame, read_frame};

/// Frames read ahead of the one that is being delivered.
const FRAMES_AHEAD_MAX: usize = 16;

/// Where messages of each channel go.
pub(crate) struct Routes {
    pub(crate) queues: BTreeMap<Arc<str>, Vec<Queue>>,
    pub(crate) stats: Arc<AddressStats>,
    pub(crate) message_bytes_max: u64,
}

impl Routes {
    /// Gives a message to every component of its channel; waits for room.
    async fn deliver(&self, channel: &str, payload: Bytes) {
        count(&self.stats.received);
        if payload.len() as u64 > self.message_bytes_max {
            self.refuse(channel, payload.len() as u64);
            return;
        }
        let Some((channel, queues)) = self.queues.get_key_value(channel) else {
            return;
        };
        for queue in queues {
            queue.push(channel.clone(), payload.clone()).await;
        }
    }

    fn refuse(&self, channel: &str, bytes: u64) {
        count(&self.stats.refused);
        let bytes_max = self.message_bytes_max;
        tracing::warn!(
            channel,
            bytes,
            bytes_max,
            "message dropped: it is too large"
        );
    }
}

/// A subscription with the embedded server.
pub(crate) async fn run_embedded(
    mut subscription: Subscription,
    routes: Routes,
    mut stopping: watch::Receiver<bool>,
) {
    let connected = &routes.stats.connected;
    connected.store(true, Ordering::Relaxed);
    loop {
        let message = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            message = subscription.next() => message,
        };
        let Some(message) = message else { break };
        tokio::select! {
            biased;
            () = routes.deliver(&message.channel, message.payload) => {}
            _ = stopping.wait_for(|stop| *stop) => break,
        }
        let dropped = subscription.dropped();
        if routes.stats.dropped.swap(dropped, Ordering::Relaxed) < dropped {
            tracing::warn!(
                dropped,
                "messages were dropped: components are too slow for them"
            );
        }
    }
    connected.store(false, Ordering::Relaxed);
}

/// A subscription with a real server.
pub(crate) struct Subscriber {
    pub(crate) address: Address,
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) routes: Routes,
    pub(crate) options: RedisTriggerOptions,
}

impl Subscriber {
    /// Subscribes, and again whenever the connection is lost, until told to stop.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => {}
            () = self.subscribe_forever() => {}
        }
    }

    async fn subscribe_forever(&self) {
        let options = &self.options;
        let mut backoff = Backoff::new(options.backoff_ms_min, options.backoff_ms_max);
        let mut lost_at: Option<Instant> = None;
        loop {
            let error = match self.connect().await {
                Ok((reader, writer)) => {
                    self.connected(lost_at);
                    let since = Instant::now();
                    let error = self.listen(reader, writer).await;
                    self.routes.stats.connected.store(false, Ordering::Relaxed);
                    lost_at = Some(Instant::now());
                    if since.elapsed() > Duration::from_millis(options.backoff_ms_max) {
                        backoff.reset();
                    }
                    error
                }
                Err(error) => error,
            };
            let wait = backoff.next(random());
            tracing::warn!(
                server = %self.address,
                %error,
                retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "not subscribed: messages published now are lost"
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn connect(&self) -> io::Result<(Reader, Writer)> {
        let channels: Vec<String> = self.routes.queues.keys().map(ToString::to_string).collect();
        let connecting = connect::subscribe(&self.address, self.tls.as_ref(), &channels);
        let limit = Duration::from_millis(self.options.connect_ms_max);
        let connected = tokio::time::timeout(limit, connecting).await;
        connected.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
    }

    fn connected(&self, lost_at: Option<Instant>) {
        let stats = &self.routes.stats;
        let gap_ms = lost_at.map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        if let Some(gap_ms) = gap_ms {
            count(&stats.reconnects);
            stats.gap_ms.fetch_add(gap_ms, Ordering::Relaxed);
        }
        stats.connected.store(true, Ordering::Relaxed);
        tracing::info!(server = %self.address, gap_ms, "subscribed");
    }

    /// Delivers messages until the connection is lost; why it was.
    async fn listen(&self, reader: Reader, mut writer: Writer) -> io::Error {
        let (sender, mut frames) = mpsc::channel(FRAMES_AHEAD_MAX);
        let mut reading = JoinSet::new();
        reading.spawn(read_all(reader, sender, self.routes.message_bytes_max));
        let silence = Duration::from_millis(self.options.silence_ms_max);
        let mut asked = false;
        loop {
            match tokio::time::timeout(silence, frames.recv()).await {
                Ok(Some(Ok(frame))) => {
                    asked = false;
                    if let Err(error) = self.take(frame).await {
                        return error;
                    }
                }
                Ok(Some(Err(error))) => return error,
                Ok(None) => return io::ErrorKind::UnexpectedEof.into(),
                Err(_silent) if asked => return io::ErrorKind::TimedOut.into(),
                Err(_silent) => {
                    asked = true;
                    let ping = redis::cmd("PING");
                    let ping = connect::send(&mut writer, &ping);
                    match tokio::time::timeout(silence, ping).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return error,
                        Err(_elapsed) => return io::ErrorKind::TimedOut.into(),
                    }
                }
            }
        }
    }

    async fn take(&self, frame: Frame) -> io::Result<()> {
        if let Frame::Error(text) = frame {
            return Err(io::Error::other(text));
        }
        match frame.message() {
            Some((channel, Bulk::Bytes(payload))) => {
                self.routes.deliver(channel, payload.clone()).await;
            }
            Some((channel, Bulk::TooLarge(bytes))) => {
                count(&self.routes.stats.received);
                self.routes.refuse(channel, *bytes);
            }
            // Confirmations and answers to `PING`.
            Some((_, Bulk::Nil)) | None => {}
        }
        Ok(())
    }
}

/// Reads until the connection ends; reads no further while nobody takes what was read.
async fn read_all(
    mut reader: Reader,
    frames: mpsc::Sender<io::Result<Frame>>,
    message_bytes_max: u64,
) {
    loop {
        let frame = read_frame(&mut reader, message_bytes_max).await;
        let ended = frame.is_err();
        if frames.send(frame).await.is_err() || ended {
            return;
        }
    }
}
