//! suoke-events.
