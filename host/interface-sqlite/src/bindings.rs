//! Bindings made from the WIT signatures.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../../wit/deps/spin-sqlite",
    inline: "package suoke:host; world host { import spin:sqlite/sqlite@3.1.0; }",
    imports: { default: async | trappable },
    with: { "spin:sqlite/sqlite.connection": host_sqlite::Session },
});
