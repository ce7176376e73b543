//! The exports that messages can go to: that of spin-sdk 7, which may await, and the one before it.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

/// `spin:redis/inbound-redis@3.0.0`
pub(crate) mod v3 {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/spin-redis",
        inline: "package suoke:host; world subscriber { export spin:redis/inbound-redis@3.0.0; }",
        world: "suoke:host/subscriber",
        exports: { default: async | store },
    });
}

/// `fermyon:spin/inbound-redis`
pub(crate) mod legacy {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/fermyon-spin-redis",
        inline: "package suoke:host; world subscriber { export fermyon:spin/inbound-redis; }",
        world: "suoke:host/subscriber",
        exports: { default: async | store },
    });
}
