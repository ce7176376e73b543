//! Open mHealth and IEEE 1752.1 without any input or output: data points as the JSON
//! of our readings, and stored readings as data points.
//!
//! A data point is a header, which names its schema, and a body. Sleep and physical
//! activity follow IEEE 1752.1, other measures the schemas of Open mHealth
//! (<https://w3id.org/openmhealth/schemas>). Kinds that neither of them knows have
//! schemas of the namespace `suoke`. What is ours alone stands in `header.suoke`, so
//! that a reading is the same after it went out and came back.

mod export;
mod import;
mod schemas;

pub use export::data_point;
pub use import::{Refused, readings};
pub use schemas::{Schema, schema_of};

/// Most data points in one request.
pub const POINTS_MAX: usize = 1_000;
