//! Groups of users: who belongs to them, in which role, and what they may do there.

pub mod permission;
mod role;

pub use role::Role;
