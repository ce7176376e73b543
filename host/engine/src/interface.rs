//! How host interfaces plug into the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// What a component may open by label, out of what the runtime configuration
/// has in sections such as `[key_value_store.LABEL]`: `section` is that word,
/// and its plural is the key of the manifest.
///
/// # Errors
/// A text naming the first label that is not configured, and how to mend it.
pub fn by_label<T>(
    section: &str,
    configured: &BTreeMap<String, Arc<T>>,
    asked: &[String],
) -> Result<BTreeMap<String, Arc<T>>, String> {
    let find = |label: &String| match configured.get(label) {
        Some(found) => Ok((label.clone(), found.clone())),
        None => Err(format!(
            "unknown {section}s label {label:?}; add [{section}.{label}] to the runtime configuration, or use one of: {}",
            configured.keys().cloned().collect::<Vec<_>>().join(", ")
        )),
    };
    asked.iter().map(find).collect()
}

/// What one component may use of an interface.
pub trait Grant: Send + Sync {
    /// Puts the interface's part into the state of a new instance.
    fn instance(&self, state: &mut State);

    /// Cleans up after a call, before the instance is used again: what a guest
    /// left open must not reach its next caller.
    fn call_ended(&self, _state: &mut State) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_not_configured_is_named_with_those_that_are() {
        let configured = ["default", "sessions"].map(|label| (label.to_owned(), Arc::new(())));
        let asked = ["default".to_owned(), "sesions".to_owned()];
        let text = by_label("key_value_store", &configured.into(), &asked).unwrap_err();
        assert_eq!(
            text,
            "unknown key_value_stores label \"sesions\"; add [key_value_store.sesions] to the \
             runtime configuration, or use one of: default, sessions"
        );
    }
}
