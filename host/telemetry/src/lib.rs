//! Logs and metrics of the host.
//!
//! Everyone else writes logs through `tracing`; this crate alone decides where
//! they go. Metrics are looked up once, when a component is loaded, so that a
//! request only touches atomics.

mod logs;
mod metrics;

pub use logs::{LogFormat, init_logs};
pub use metrics::{ComponentMetrics, HttpMetrics, MessageMetrics, Metrics, TriggerKind};
