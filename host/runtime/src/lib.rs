//! host-runtime.
