//! The exports a schedule can start: ours, which may await, and that of Spin's cron plugin.

#![allow(missing_docs, reason = "generated from WIT, which documents itself")]

/// `suoke:cron/handler@1.0.0`
pub(crate) mod ours {
    wasmtime::component::bindgen!({
        path: "../../wit/cron",
        world: "suoke:cron/scheduled",
        exports: { default: async | store },
    });
}

/// The world of `fermyon:spin-cron@2.0.0`
pub(crate) mod spin {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/spin-cron",
        world: "fermyon:spin-cron/spin-cron",
        exports: { default: async | store },
    });
}
