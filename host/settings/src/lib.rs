//! host-settings.
