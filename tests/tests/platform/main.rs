//! The platform as its users see it: requests to the built binary.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod http;
mod interfaces;
mod limits;
mod middleware;
mod network;
mod operation;
mod postgres;
mod routes;
mod vault;
mod wasi2;
