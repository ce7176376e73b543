//! Exports of other systems as readings: lines of CSV or NDJSON, each a draft or a
//! refusal that names the line and the reason. Pure.
//!
//! - [`records`]: the records of a CSV text with the lines they begin in;
//! - [`columns`]: what the columns and fields of exports mean here;
//! - [`batch`]: a piece of a file, whole.

pub mod batch;
pub mod columns;
pub mod records;

pub use batch::{Batch, Format, LINES_MAX, Line, Refusal, parse};
