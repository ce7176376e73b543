//! A component that is compiled, linked and ready to run.

use std::path::PathBuf;
use std::sync::Arc;

use host_app::Limits;
use host_telemetry::ComponentMetrics;
use wasmtime::component::InstancePre;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::interface::Grant;
use crate::output::{GuestOutput, OutputSink};
use crate::state::{Meter, State};

/// A guest that has run for less than this may go on without giving way.
const TURN_NS: u64 = 2_000_000;

/// What a [`Function`] is made of.
pub struct FunctionParts {
    /// The component's id.
    pub id: Arc<str>,
    /// Its bounds.
    pub limits: Limits,
    /// Environment variables it sees.
    pub environment: Vec<(String, String)>,
    /// Folders it sees.
    pub mounts: Vec<Mount>,
    /// Where its output goes.
    pub output: Arc<dyn OutputSink>,
    /// Its metrics.
    pub metrics: ComponentMetrics,
}

/// A folder of the host in a component's file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The folder on the host.
    pub folder: PathBuf,
    /// Where the component sees it.
    pub path: String,
    /// Whether the component may change it.
    pub writable: bool,
}

/// A loaded component.
pub struct Function {
    parts: FunctionParts,
    pre: InstancePre<State>,
    grants: Vec<Box<dyn Grant>>,
}

impl Function {
    pub(crate) fn new(
        parts: FunctionParts,
        pre: InstancePre<State>,
        grants: Vec<Box<dyn Grant>>,
    ) -> Self {
        Self { parts, pre, grants }
    }

    /// The component's id.
    pub fn id(&self) -> &Arc<str> {
        &self.parts.id
    }

    /// The component's bounds.
    pub fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    /// The component's metrics.
    pub fn metrics(&self) -> &ComponentMetrics {
        &self.parts.metrics
    }

    /// The linked component, from which a trigger makes its bindings.
    pub fn instance_pre(&self) -> &InstancePre<State> {
        &self.pre
    }

    /// A store for one instance, with everything the component was granted.
    pub(crate) fn new_store(&self) -> (Store<State>, Arc<Meter>) {
        let meter = Arc::<Meter>::default();
        let mut state = State::new(
            self.wasi(),
            self.parts.limits.memory_bytes_max,
            meter.clone(),
        );
        for grant in &self.grants {
            grant.instance(&mut state);
        }
        let mut store = Store::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|cx| {
            let meter = &cx.data().meter;
            if meter.over_limit() {
                Ok(UpdateDeadline::Interrupt)
            } else if meter.running_ns() < TURN_NS {
                Ok(UpdateDeadline::Continue(1))
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });
        (store, meter)
    }

    /// Cleans up after a call, before the instance is used again.
    pub(crate) fn call_ended(&self, state: &mut State) {
        for grant in &self.grants {
            grant.call_ended(state);
        }
    }

    fn wasi(&self) -> wasmtime_wasi::WasiCtx {
        let output =
            |stream| GuestOutput::new(self.parts.id.clone(), stream, self.parts.output.clone());
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output("stdout")).stderr(output("stderr"));
        wasi.envs(&self.parts.environment);
        for mount in &self.parts.mounts {
            let perms = if mount.writable {
                FsPerms::ReadWrite
            } else {
                FsPerms::ReadOnly
            };
            if let Err(error) = wasi.preopened_dir(&mount.folder, &mount.path, perms) {
                tracing::error!(component = %self.parts.id, folder = %mount.folder.display(), %error, "a folder cannot be mounted");
            }
        }
        wasi.build()
    }
}
