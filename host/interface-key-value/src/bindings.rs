//! Bindings made from the WIT signatures.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../../wit/deps/spin-key-value",
    inline: "package suoke:host; world host { import spin:key-value/key-value@3.0.0; }",
    imports: { default: async | trappable },
    with: { "spin:key-value/key-value.store": crate::OpenStore },
});
