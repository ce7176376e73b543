//! Warm instances of one export of one component.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use host_app::{Failure, FailureKind, Limits};
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::Store;
use wasmtime::component::Accessor;

use crate::function::Function;
use crate::state::{Meter, State};

/// Makes the export's bindings in a new store.
pub type Instantiate<G> = Box<
    dyn for<'a> Fn(
            &'a mut Store<State>,
        ) -> Pin<Box<dyn Future<Output = wasmtime::Result<G>> + Send + 'a>>
        + Send
        + Sync,
>;

/// Instances kept warm on each worker thread.
const IDLE_PER_SHARD_MAX: usize = 128;

/// A pool of instances: one call at a time in each, last used first.
///
/// Instances stay on the thread that used them, in one shard for each thread.
pub struct Pool<G> {
    function: Arc<Function>,
    instantiate: Instantiate<G>,
    places: Semaphore,
    waiting: AtomicUsize,
    shards: Box<[Mutex<VecDeque<Instance<G>>>]>,
    calls_max: u32,
}

/// One instance between or during its calls.
struct Instance<G> {
    store: Store<State>,
    guest: G,
    calls: u32,
    idle_since: Instant,
    function: Arc<Function>,
    meter: Arc<Meter>,
}

impl<G> Drop for Instance<G> {
    fn drop(&mut self) {
        self.function.metrics().instance_dropped();
    }
}

impl<G: Send + Sync + 'static> Pool<G> {
    /// A pool for `function`, whose instances `instantiate` makes.
    pub fn new(function: Arc<Function>, instantiate: Instantiate<G>) -> Self {
        let shards = std::thread::available_parallelism().map_or(1, usize::from) + 1;
        Self {
            places: Semaphore::new(function.limits().concurrency_max),
            waiting: AtomicUsize::new(0),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            calls_max: function.limits().reuse.count_max,
            function,
            instantiate,
        }
    }

    /// A pool that makes an instance for each call, whatever the limits say.
    pub fn single_use(function: Arc<Function>, instantiate: Instantiate<G>) -> Self {
        Self {
            calls_max: 1,
            ..Self::new(function, instantiate)
        }
    }

    /// The component the instances are of.
    pub fn function(&self) -> &Arc<Function> {
        &self.function
    }

    /// Runs one call in a warm or new instance, within the component's limits.
    ///
    /// The instance is used again only when the call and everything it started
    /// have ended well.
    ///
    /// # Errors
    /// With the kind that tells whether the guest, a limit or the host is at
    /// fault; the cause is for the log.
    pub async fn run<R>(
        &self,
        call: impl AsyncFnOnce(&Accessor<State>, &G) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        let place = self.enter().await?;
        let limits = self.function.limits();
        let mut instance = self.take().await?;
        instance.calls += 1;
        instance.meter.start(limits.cpu());
        self.function.metrics().call_started();
        let running = Running(&instance.function, &instance.meter);
        let outcome = {
            let guest = &instance.guest;
            let run = instance.store.run_concurrent(async |accessor| {
                let result = call(accessor, guest).await?;
                std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
                wasmtime::error::Ok(result)
            });
            let metered = Metered {
                meter: running.1,
                inner: pin!(run),
            };
            tokio::time::timeout(limits.deadline(), metered).await
        };
        drop(running);
        drop(place);
        match outcome {
            Ok(Ok(Ok(result))) => {
                self.put_back(instance);
                Ok(result)
            }
            Ok(Ok(Err(error)) | Err(error)) => {
                let at_bound = bound_reached(limits, &instance.store, &error);
                Err(at_bound.unwrap_or_else(|| {
                    // The trap itself; the frames around it have no names in a stripped guest.
                    Failure::new(FailureKind::Trap, error.root_cause().to_string())
                }))
            }
            Err(_elapsed) => Err(Failure::new(
                FailureKind::Timeout,
                format!("no answer within deadline_ms = {}", limits.deadline_ms),
            )),
        }
    }

    /// Drops instances that have been idle for longer than they may be.
    pub fn trim(&self) {
        let idle_max = Duration::from_millis(self.function.limits().reuse.idle_ms_max);
        for shard in &self.shards {
            let mut expired = Vec::new();
            let mut idle = lock(shard);
            while let Some(instance) =
                idle.pop_front_if(|instance| instance.idle_since.elapsed() > idle_max)
            {
                expired.push(instance);
            }
            drop(idle);
            drop(expired);
        }
    }

    /// Waits until no call is running, and lets none start after that.
    pub async fn close(&self) {
        let all = u32::try_from(self.function.limits().concurrency_max).unwrap_or(u32::MAX);
        if let Ok(places) = self.places.acquire_many(all).await {
            places.forget();
        }
        self.places.close();
    }

    /// Waits for a place, as long as the component's queue allows.
    async fn enter(&self) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let limits = self.function.limits();
        let overloaded = |what: String| Failure::new(FailureKind::Overloaded, what);
        let _waiting = Waiting::enter(&self.waiting, limits.queue_max)
            .ok_or_else(|| overloaded(format!("queue_max = {} calls wait", limits.queue_max)))?;
        let wait = Duration::from_millis(limits.queue_wait_ms);
        match tokio::time::timeout(wait, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_closed)) => Err(Failure::new(
                FailureKind::Unavailable,
                "the host is stopping",
            )),
            Err(_elapsed) => Err(overloaded(format!(
                "all {} places were taken for queue_wait_ms = {}",
                limits.concurrency_max, limits.queue_wait_ms
            ))),
        }
    }

    /// A warm instance or a new one, which may take as long to start as a call.
    async fn take(&self) -> Result<Instance<G>, Failure> {
        if let Some(instance) = lock(self.shard()).pop_back() {
            return Ok(instance);
        }
        let limits = self.function.limits();
        let (mut store, meter) = self.function.new_store();
        meter.start(limits.cpu());
        let making = Metered {
            meter: &meter,
            inner: (self.instantiate)(&mut store),
        };
        let guest = match tokio::time::timeout(limits.deadline(), making).await {
            Ok(Ok(guest)) => guest,
            Ok(Err(error)) => {
                let kind = if error.is::<wasmtime::PoolConcurrencyLimitError>() {
                    FailureKind::Overloaded
                } else if error.is::<wasmtime::Trap>() {
                    FailureKind::Trap
                } else {
                    FailureKind::Internal
                };
                let at_bound = bound_reached(limits, &store, &error);
                return Err(at_bound.unwrap_or_else(|| {
                    Failure::new(kind, format!("cannot make an instance: {error:#}"))
                }));
            }
            Err(_elapsed) => {
                return Err(Failure::new(
                    FailureKind::Timeout,
                    format!("no instance within deadline_ms = {}", limits.deadline_ms),
                ));
            }
        };
        self.function.metrics().instance_made();
        Ok(Instance {
            store,
            guest,
            calls: 0,
            idle_since: Instant::now(),
            function: self.function.clone(),
            meter,
        })
    }

    fn put_back(&self, mut instance: Instance<G>) {
        if instance.calls >= self.calls_max {
            return;
        }
        self.function.call_ended(instance.store.data_mut());
        instance.idle_since = Instant::now();
        let mut idle = lock(self.shard());
        if idle.len() < IDLE_PER_SHARD_MAX {
            idle.push_back(instance);
        }
    }

    fn shard(&self) -> &Mutex<VecDeque<Instance<G>>> {
        thread_local! {
            static INDEX: Cell<Option<usize>> = const { Cell::new(None) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let index = INDEX.with(|cell| {
            cell.get().unwrap_or_else(|| {
                let index = NEXT.fetch_add(1, Ordering::Relaxed);
                cell.set(Some(index));
                index
            })
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "there is at least one shard, and the index is below their number"
        )]
        &self.shards[index % self.shards.len()]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bound that stopped a guest, if one did, for what ended in `error`.
fn bound_reached(
    limits: &Limits,
    store: &Store<State>,
    error: &wasmtime::Error,
) -> Option<Failure> {
    let state = store.data();
    if state.meter.exhausted() {
        return Some(Failure::new(
            FailureKind::CpuExhausted,
            format!("stopped after running for cpu_ms = {}", limits.cpu_ms),
        ));
    }
    state.memory.denied.then(|| {
        Failure::new(
            FailureKind::OutOfMemory,
            format!(
                "over memory_bytes_max = {}: {error:#}",
                limits.memory_bytes_max
            ),
        )
    })
}

/// Counts a call that waits for a place.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let waiting = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a running call, also when it is dropped before its end.
struct Running<'a>(&'a Function, &'a Meter);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.metrics().call_finished(self.1.used());
    }
}

/// Measures the time a future spends being polled.
struct Metered<'a, F> {
    meter: &'a Meter,
    inner: F,
}

impl<F: Future + Unpin> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.meter.poll_started();
        let poll = Pin::new(&mut self.inner).poll(cx);
        self.meter.poll_ended();
        poll
    }
}
