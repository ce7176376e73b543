//! Runs the built `suoke` binary as its users do, and looks at it from outside.
//!
//! ```text
//! Application (a folder with spin.toml) -> Host::start -> requests, signals, logs -> Host::stop
//!                                      \-> Host::fails -> exit code and message
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a harness stops the test where it fails"
)]

mod application;
mod host;
mod http;
mod poll;
mod postgres;
mod redis;

pub use application::{Application, probe, wasm, wasm_folder};
pub use host::{Failed, Host, Stopped};
pub use http::{Answer, Client, Outgoing, channel, whole};
pub use poll::eventually;
pub use postgres::Postgres;
pub use redis::Redis;
