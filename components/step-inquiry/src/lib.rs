//! step-inquiry.
