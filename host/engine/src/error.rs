//! Why a component cannot be loaded.

use std::path::PathBuf;

/// A component that cannot be made ready to run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("component {component:?}: cannot read {path}: {reason}; build it with `suoke build`")]
    Unreadable {
        /// The component.
        component: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not a component.
    #[error(
        "component {component:?}: {path} is not a valid component: {reason}; build it again with `suoke build`"
    )]
    Corrupt {
        /// The component.
        component: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An import that nothing provides.
    #[error(
        "component {component:?}: {reason}; this host offers the interfaces of spin-sdk 7 and WASI 0.2 and 0.3"
    )]
    Unlinkable {
        /// The component.
        component: String,
        /// The import.
        reason: String,
    },
    /// A dependency that cannot be plugged in.
    #[error("component {component:?}: dependency {dependency:?}: {reason}")]
    Dependency {
        /// The component.
        component: String,
        /// The name of the dependency.
        dependency: String,
        /// What does not fit.
        reason: String,
    },
    /// A middleware that cannot stand in front of the component.
    #[error("component {component:?}: {place}: middleware {middleware:?}: {reason}")]
    Middleware {
        /// The component.
        component: String,
        /// Where the manifest names the middleware, such as `spin.toml:9:28`.
        place: String,
        /// What the manifest calls it.
        middleware: String,
        /// What does not fit, and how to mend it.
        reason: String,
    },
    /// The component lacks the export its trigger needs.
    #[error("component {component:?} cannot be started by {trigger}: it must export {wanted}")]
    WrongExport {
        /// The component.
        component: String,
        /// The trigger, such as `an http trigger`.
        trigger: &'static str,
        /// The exports that would do.
        wanted: &'static str,
    },
    /// A host interface refuses what the component asks for.
    #[error("component {component:?}: {reason}")]
    Refused {
        /// The component.
        component: String,
        /// What is refused, why, and how to mend it.
        reason: String,
    },
    /// The engine itself cannot start.
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
}
