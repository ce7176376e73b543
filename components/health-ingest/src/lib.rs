//! health-ingest.
