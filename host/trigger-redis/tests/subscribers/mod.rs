//! Components that take messages, and a gate that holds them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host_app::{Component, Limits};
use host_engine::{Function, Grant, Interface, State};
use host_telemetry::Metrics;
use host_trigger_redis::RedisBinding;
use tokio::sync::Semaphore;
use wasmtime::component::Linker;

use crate::guests;

/// Waits in its host for every message; then answers an error to messages that
/// begin with `e`, and traps for those that begin with `t`.
const SUBSCRIBER: &str = r#"
(module
  (import "[export]spin:redis/inbound-redis@3.0.0" "[task-return]handle-message"
    (func $return (param i32 i32 i32 i32)))
  (import "test:guest/gate" "wait" (func $wait))
  (memory (export "memory") 1)
  (data (i32.const 64) "refused")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "[async-lift]spin:redis/inbound-redis@3.0.0#handle-message")
    (param $at i32) (param $length i32) (result i32)
    (local $first i32)
    (call $wait)
    (if (local.get $length) (then (local.set $first (i32.load8_u (local.get $at)))))
    (if (i32.eq (local.get $first) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $first) (i32.const 101))
      (then (call $return (i32.const 1) (i32.const 3) (i32.const 64) (i32.const 7)))
      (else (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
    (i32.const 0))
  (func (export "[callback][async-lift]spin:redis/inbound-redis@3.0.0#handle-message")
    (param i32 i32 i32) (result i32) unreachable))
"#;

const SUBSCRIBER_WIT: &str = "
  interface gate { wait: async func(); }
  world guest { import gate; export spin:redis/inbound-redis@3.0.0; }
";

/// Answers an error to messages that begin with `e`.
pub const LEGACY: &str = r#"
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "fermyon:spin/inbound-redis#handle-message")
    (param $at i32) (param $length i32) (result i32)
    (i32.store8 (i32.const 0) (i32.eq (i32.load8_u (local.get $at)) (i32.const 101)))
    (i32.store8 (i32.const 1) (i32.const 1))
    (i32.const 0)))
"#;

/// The package of [`LEGACY`].
pub const LEGACY_WIT: &str = "world guest { export fermyon:spin/inbound-redis; }";

/// Lets messages through one permit at a time, and counts those that wait.
pub struct Gate {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Gate {
    /// A gate that holds nobody up.
    pub fn open() -> Arc<Self> {
        Self::with(Semaphore::MAX_PERMITS)
    }

    /// A gate that lets nobody through yet.
    pub fn closed() -> Arc<Self> {
        Self::with(0)
    }

    fn with(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(permits)),
            waiting: Arc::default(),
        })
    }

    /// Lets so many through.
    pub fn allow(&self, count: usize) {
        self.permits.add_permits(count);
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }
}

impl Interface for Gate {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        let (permits, waiting) = (self.permits.clone(), self.waiting.clone());
        let mut gate = linker.instance("test:guest/gate")?;
        gate.func_wrap_concurrent("wait", move |_, (): ()| {
            let (permits, waiting) = (permits.clone(), waiting.clone());
            Box::pin(async move {
                waiting.fetch_add(1, Ordering::SeqCst);
                permits.acquire().await.unwrap().forget();
                waiting.fetch_sub(1, Ordering::SeqCst);
                wasmtime::error::Ok(())
            })
        })
    }

    fn configure(&self, _component: &Component) -> Result<Box<dyn Grant>, String> {
        Ok(Box::new(Nothing))
    }
}

struct Nothing;

impl Grant for Nothing {
    fn instance(&self, _state: &mut State) {}
}

/// A component whose messages pass the gate.
pub fn subscriber(id: &str, gate: &Arc<Gate>) -> Arc<Function> {
    let bytes = guests::component(&["deps/spin-redis"], SUBSCRIBER_WIT, SUBSCRIBER);
    let interfaces: Vec<Arc<dyn Interface>> = vec![gate.clone()];
    guests::load(id, &bytes, Limits::default(), interfaces, &Metrics::new())
}

/// Any component.
pub fn load(packages: &[&str], wit: &str, module: &str) -> Arc<Function> {
    let bytes = guests::component(packages, wit, module);
    guests::load("c", &bytes, Limits::default(), vec![], &Metrics::new())
}

/// A component that could take messages in two ways.
pub fn with_both_exports() -> Arc<Function> {
    let both = LEGACY.replacen(
        "(memory",
        r#"(import "[export]spin:redis/inbound-redis@3.0.0" "[task-return]handle-message"
             (func $return (param i32 i32 i32 i32)))
           (func (export "[async-lift]spin:redis/inbound-redis@3.0.0#handle-message")
             (param i32 i32) (result i32) unreachable)
           (func (export "[callback][async-lift]spin:redis/inbound-redis@3.0.0#handle-message")
             (param i32 i32 i32) (result i32) unreachable)
           (memory"#,
        1,
    );
    let wit =
        "world guest { export fermyon:spin/inbound-redis; export spin:redis/inbound-redis@3.0.0; }";
    load(&["deps/spin-redis", "deps/fermyon-spin-redis"], wit, &both)
}

/// A trigger for a component.
pub fn binding(address: &str, channel: &str, function: &Arc<Function>) -> RedisBinding {
    RedisBinding {
        trigger: format!("on-{channel}"),
        address: address.to_owned(),
        channel: channel.to_owned(),
        function: function.clone(),
    }
}
