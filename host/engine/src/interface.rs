//! How host interfaces plug into the engine.

use host_app::Component;
use wasmtime::component::Linker;

use crate::state::State;

/// Something the host offers to components.
///
/// It has three moments: once for the process (`link`), once for each component
/// (`configure`), once for each instance ([`Grant::instance`]).
pub trait Interface: Send + Sync {
    /// Adds the functions to the linker.
    ///
    /// # Errors
    /// When the linker already holds one of them.
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()>;

    /// Checks what a component asks for and keeps what it may use.
    ///
    /// # Errors
    /// A text naming what is refused, why, and how to mend it.
    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String>;
}

/// What one component may use of an interface.
pub trait Grant: Send + Sync {
    /// Puts the interface's part into the state of a new instance.
    fn instance(&self, state: &mut State);

    /// Cleans up after a call, before the instance is used again: what a guest
    /// left open must not reach its next caller.
    fn call_ended(&self, _state: &mut State) {}
}
