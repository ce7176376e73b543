//! FHIR R4 (4.0.1) without any input or output: our readings as Observations and
//! back, searches, bundles and what a server says about itself.
//!
//! - [`terms`]: categories, codes, units and profiles of each kind of reading;
//! - [`observation`]: a stored reading as an Observation;
//! - [`import`]: an Observation as the JSON of one of our readings;
//! - [`waveform`]: samples as `SampledData` and back;
//! - [`normal`]: reference ranges and what lies outside of them;
//! - [`patient`]: what is known of a person as a Patient;
//! - [`search`]: parameters of a search, with [`date`]s at their precision;
//! - [`bundle`]: pages, histories, batches and transactions;
//! - [`stats`]: the figures of `$stats`;
//! - [`json`]: members of JSON values;
//! - [`outcome`]: what is wrong, as an `OperationOutcome`;
//! - [`capability`]: the `CapabilityStatement`, which names what is there.
//!
//! Resources are JSON values: what is not ours in them is passed over, as FHIR asks
//! of servers. The codes are those of the vital-signs profiles of
//! <http://hl7.org/fhir/R4/observation-vitalsigns.html>; where LOINC has none, our own
//! code system [`terms::KINDS`] stands alone.

pub mod bundle;
pub mod capability;
pub mod date;
pub mod import;
pub mod json;
pub mod normal;
pub mod observation;
pub mod outcome;
pub mod patient;
pub mod search;
pub mod stats;
pub mod terms;
pub mod waveform;

/// The media type of resources.
pub const MEDIA_TYPE: &str = "application/fhir+json";
/// The version of FHIR that is spoken.
pub const FHIR_VERSION: &str = "4.0.1";
