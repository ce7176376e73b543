//! auth-login.
