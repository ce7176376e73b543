//! Bindings made from the WIT signatures.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../../wit/deps/spin-postgres",
    inline: "package suoke:host; world host { import spin:postgres/postgres@4.2.0; }",
    imports: { default: async | trappable },
    with: {
        "spin:postgres/postgres.connection": crate::Session,
        "spin:postgres/postgres.connection-builder": crate::Builder,
    },
});
