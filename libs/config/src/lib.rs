//! Settings that change while the platform runs, and feature flags.
//!
//! A setting has a service, a key and up to one value in each [`Layer`]:
//! `runtime` before `environment` before `base` before `default`. Every change
//! has a version and can be taken back. A [`flags::Flag`] is on for some users
//! and always for the same.
//!
//! Secrets do not belong here: values are shown to whoever may read them and are
//! kept in the history.

pub mod config;
pub mod flags;
mod layer;
mod names;
mod setting;
mod value;

pub use layer::{Layer, Place};
pub use names::{Address, environment, service};
pub use setting::{Effective, setting};
pub use value::{VALUE_SIZE_BYTES_MAX, Written};

/// The database of settings and flags.
pub const LABEL: &str = "platform";
