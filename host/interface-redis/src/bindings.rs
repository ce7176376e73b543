//! Bindings made from the WIT signatures.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../../wit/deps/spin-redis",
    inline: "package suoke:host; world host { import spin:redis/redis@3.0.0; }",
    imports: { default: async | trappable },
    with: { "spin:redis/redis.connection": crate::OpenConnection },
});
