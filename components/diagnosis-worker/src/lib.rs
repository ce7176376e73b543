//! diagnosis-worker.
