//! Bounds on what one component may use.

use std::time::Duration;

/// Bounds of one component, with the unit in the name.
///
/// Every field can be set in `[component.NAME.tool.suoke]` or, for all
/// components, in `[application.tool.suoke]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time from accepting a call to the end of its answer.
    pub deadline_ms: u64,
    /// CPU time of one call before the guest is stopped.
    pub cpu_ms: u64,
    /// Linear memory of one instance, all memories together.
    pub memory_bytes_max: usize,
    /// Calls running at the same time.
    pub concurrency_max: usize,
    /// Calls waiting for one of those places.
    pub queue_max: usize,
    /// How long a call may wait for a place.
    pub queue_wait_ms: u64,
    /// Size of a request body.
    pub body_bytes_max: u64,
    /// How instances are reused.
    pub reuse: InstanceReuse,
}

/// How long an instance lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceReuse {
    /// Calls one instance may serve; 1 gives every call a fresh instance.
    pub count_max: u32,
    /// How long an unused instance is kept.
    pub idle_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ms: 30_000,
            cpu_ms: 5_000,
            memory_bytes_max: 128 << 20,
            concurrency_max: 256,
            queue_max: 1024,
            queue_wait_ms: 1_000,
            body_bytes_max: 10 << 20,
            reuse: InstanceReuse {
                count_max: 10_000,
                idle_ms_max: 10_000,
            },
        }
    }
}

impl Limits {
    /// Wall time of one call.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// CPU time of one call.
    pub fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }
}
