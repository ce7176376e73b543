//! Groups of users: who belongs to them, in which role, and what they may do there.
//!
//! Whoever does not belong to a group learns nothing of it: it is not found. Owners and
//! admins manage it; owners alone decide about owners and about its end, and there is
//! always one. What members may do with the things of a group is decided by its rules,
//! see [`permission`].
//!
//! Every change is an event for others and a line of the group's history, in the
//! transaction of the change.

mod access;
pub mod events;
pub mod groups;
mod history;
pub mod members;
pub mod permission;
mod queries;
mod role;
pub mod rules;

pub use access::{Actor, Cause};
pub use groups::LABEL;
pub use history::history;
pub use role::Role;

#[cfg(test)]
mod tests;
