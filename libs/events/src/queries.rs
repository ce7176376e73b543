//! The event tables in SQL; every label has the same ones.

pub(crate) mod failures;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod outbox;
pub(crate) mod relay;
pub(crate) mod streams;
