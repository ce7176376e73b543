//! Sagas: work of several functions that is done completely or taken back.
//!
//! A [`definition`] names steps and who takes part in them. The [`orchestrator`]
//! runs a [`machine`]: it sends a command event for each step and waits for
//! replies; when a step fails, it and the steps before it are undone in reverse
//! order. Participants make each command take effect once: see [`participant`].

pub mod definition;
pub mod machine;
pub mod messages;
pub mod orchestrator;
pub mod participant;
mod queries;
mod text;

pub use queries::{LogLine, Summary, log, page, summary};
