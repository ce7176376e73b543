//! auth-keys.
