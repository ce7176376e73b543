//! Readings as the functions of the label `health` share them: taken in, looked up,
//! corrected and removed, with the profile of who they belong to and the bytes they
//! refer to.
//!
//! - [`record()`], [`record_in()`]: a checked [`Batch`](suoke_health::batch::Batch) into
//!   the store: rows, marks and events in one transaction;
//! - [`select`], [`find`], [`latest`], [`series`]: readings as they are stored;
//! - [`counted_series`], [`unshadowed`], [`nights`]: those of them that figures are of;
//! - [`remove()`], [`remove_in`]: a reading that was wrong;
//! - [`versions()`], [`matching`]: readings with what they corrected;
//! - [`profile()`], [`set_profile`]: whose readings they are;
//! - [`blobs`]: images, sounds and samples;
//! - [`days`]: the figures of days as they are stored;
//! - [`mark_all_days`]: figures that have to be computed anew;
//! - [`note_access`]: who looked at the health of somebody else.
//!
//! Who reads may do so on another database than who writes: the reading functions take
//! any [`Sql`](suoke_store::Sql).

mod access;
pub mod blobs;
mod cause;
mod counted;
mod cursor;
pub mod days;
pub mod events;
mod marks;
mod profile;
mod queries;
mod read;
mod record;
mod remove;
#[cfg(test)]
mod testing;
mod versions;

pub use access::note_access;
pub use cause::Cause;
pub use counted::{counted_series, nights, unshadowed};
pub use cursor::Cursor;
pub use marks::mark_all_days;
pub use profile::{StoredProfile, profile, set_profile};
pub use read::{Filter, POINTS_MAX, Point, READINGS_MAX, find, latest, select, series};
pub use record::{make_room, record, record_in};
pub use remove::{Removed, remove, remove_in};
pub use versions::{
    Bound, Corrected, MATCHING_MAX, Matching, VERSIONS_MAX, before, by_client_ids, count, matching,
    versions,
};

/// The label of the database.
pub const LABEL: &str = "health";
