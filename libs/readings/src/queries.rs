//! The SQL of readings, by what it is for.

pub(crate) mod blobs;
pub(crate) mod days;
pub(crate) mod marks;
pub(crate) mod profile;
pub(crate) mod read;
pub(crate) mod versions;
pub(crate) mod write;
