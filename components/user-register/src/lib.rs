//! user-register.
