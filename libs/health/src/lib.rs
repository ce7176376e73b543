//! suoke-health.
