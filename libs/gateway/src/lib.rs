//! What the gateway decides, without the wire: policies, limits, circuits,
//! repeated requests, kept answers, addresses of clients, headers.
//!
//! The component `gateway` stands in front of each function that is reachable
//! from outside and asks this crate what to do.

pub mod cache;
pub mod circuit;
pub mod client;
pub mod cors;
pub mod credentials;
pub mod gate;
pub mod headers;
pub mod idempotency;
pub mod limit;
pub mod patience;
pub mod policy;
mod stored;

pub use policy::Policy;
pub use stored::Stored;
