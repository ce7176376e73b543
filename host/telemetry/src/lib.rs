//! host-telemetry.
