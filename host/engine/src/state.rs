//! What an instance holds on the host's side.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

/// Entries of an instance's tables of functions, all tables together.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// The data of one instance: WASI, and a part for each host interface.
pub struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Box<dyn WasiHttpHooks>,
    parts: Vec<(TypeId, Box<dyn Any + Send>)>,
    pub(crate) memory: MemoryLimit,
    pub(crate) meter: Arc<Meter>,
}

impl State {
    pub(crate) fn new(wasi: WasiCtx, memory_bytes_max: usize, meter: Arc<Meter>) -> Self {
        Self {
            table: ResourceTable::new(),
            wasi,
            http: WasiHttpCtx::new(),
            hooks: Box::new(NoOutboundHttp),
            parts: Vec::new(),
            memory: MemoryLimit {
                bytes_max: memory_bytes_max,
                bytes: 0,
                denied: false,
            },
            meter,
        }
    }

    /// Gives the instance its part of an interface.
    pub fn insert<P: Any + Send>(&mut self, part: P) {
        self.parts.push((TypeId::of::<P>(), Box::new(part)));
    }

    /// Decides how the instance's outbound HTTP requests are sent.
    pub fn set_http_hooks(&mut self, hooks: Box<dyn WasiHttpHooks>) {
        self.hooks = hooks;
    }

    /// The part of an interface, and the table of the instance's resources.
    ///
    /// # Panics
    /// When the interface gave the instance no part: `Interface::configure`
    /// and `Grant::instance` run for every interface that is linked.
    #[expect(
        clippy::expect_used,
        reason = "an interface that is linked has given its part"
    )]
    pub fn part<P: Any + Send>(&mut self) -> (&mut P, &mut ResourceTable) {
        let part = self
            .parts
            .iter_mut()
            .find(|(id, _)| *id == TypeId::of::<P>())
            .and_then(|(_, part)| part.downcast_mut())
            .expect("every linked interface gives a part to each instance");
        (part, &mut self.table)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: self.hooks.as_mut(),
        }
    }
}

/// Outbound HTTP for instances that were given none: every request is denied.
struct NoOutboundHttp;

type SendResult = wasmtime_wasi_http::Result<(
    http::Response<wasmtime_wasi_http::WasiBody>,
    Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
)>;

impl WasiHttpHooks for NoOutboundHttp {
    fn send_request(
        &mut self,
        _request: http::Request<wasmtime_wasi_http::WasiBody>,
        _options: Option<wasmtime_wasi_http::RequestOptions>,
        _finished: Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
    ) -> Box<dyn Future<Output = SendResult> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

/// Bounds the linear memory of an instance, all its memories together.
pub(crate) struct MemoryLimit {
    bytes_max: usize,
    bytes: usize,
    /// Whether the instance was refused memory: explains a later trap.
    pub(crate) denied: bool,
}

impl wasmtime::ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if bytes > self.bytes_max {
            self.denied = true;
            return Ok(false);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// How long an instance has been running in its current call.
///
/// The processor time of each poll's thread counts, from the start of the poll
/// to its end: neither waiting for an event nor waiting for a busy processor
/// does, so that a call is not stopped for what others do. It is read from
/// within the guest, by the epoch callback, which runs on the thread of the
/// poll, and from outside, when the call ends.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    used_ns: AtomicU64,
    poll_started_ns: AtomicU64,
    limit_ns: AtomicU64,
    exhausted: AtomicBool,
}

/// How long a thread is taken to have been running since the kernel was asked.
const RUNNING_MAX: Duration = Duration::from_millis(1);

/// The processor time that this thread has used, in nanoseconds; off by
/// [`RUNNING_MAX`] at most. Asking the kernel takes ten times as long as reading
/// a clock, and most polls are shorter than that.
fn thread_ns() -> u64 {
    thread_local! {
        static ASKED: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    if let Some((asked_at, used_ns)) = ASKED.get() {
        let running = now.duration_since(asked_at);
        if running < RUNNING_MAX {
            return used_ns + nanoseconds(running);
        }
    }
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let used_ns = Duration::try_from(used).map_or(0, nanoseconds);
    ASKED.set(Some((now, used_ns)));
    used_ns
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Meter {
    /// Starts a call that may run for `limit`.
    pub(crate) fn start(&self, limit: Duration) {
        self.used_ns.store(0, Ordering::Relaxed);
        self.limit_ns.store(nanoseconds(limit), Ordering::Relaxed);
        self.exhausted.store(false, Ordering::Relaxed);
    }

    pub(crate) fn poll_started(&self) {
        self.poll_started_ns.store(thread_ns(), Ordering::Relaxed);
    }

    pub(crate) fn poll_ended(&self) {
        self.used_ns.fetch_add(self.running_ns(), Ordering::Relaxed);
    }

    /// How long the current poll has been running.
    pub(crate) fn running_ns(&self) -> u64 {
        thread_ns().saturating_sub(self.poll_started_ns.load(Ordering::Relaxed))
    }

    /// Whether the call has used its time, asked from within it.
    pub(crate) fn over_limit(&self) -> bool {
        let used = self.used_ns.load(Ordering::Relaxed) + self.running_ns();
        let over = used > self.limit_ns.load(Ordering::Relaxed);
        if over {
            self.exhausted.store(true, Ordering::Relaxed);
        }
        over
    }

    /// Whether the call was stopped because it used its time.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// The time the call has used.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.used_ns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    #[test]
    fn a_call_is_not_charged_for_time_in_which_its_thread_did_not_run() {
        let meter = Meter::default();
        meter.start(LIMIT);
        meter.poll_started();
        std::thread::sleep(LIMIT * 2);
        assert!(!meter.over_limit());
        meter.poll_ended();
        assert!(!meter.exhausted());
        assert!(meter.used() < LIMIT, "{:?}", meter.used());
    }

    #[test]
    fn a_call_that_runs_longer_than_it_may_is_over_its_limit_in_whichever_poll() {
        let meter = Meter::default();
        meter.start(LIMIT);
        let mut polls = 0;
        while !meter.exhausted() {
            meter.poll_started();
            while meter.running_ns() < nanoseconds(LIMIT / 4) && !meter.over_limit() {}
            meter.poll_ended();
            polls += 1;
        }
        assert!(polls > 1, "what one poll used is forgotten in the next");
        assert!(meter.used() > LIMIT, "{:?}", meter.used());
        meter.start(LIMIT);
        meter.poll_started();
        assert!(!meter.over_limit(), "a new call has its own time");
    }
}
