//! diagnosis-run.
