//! host-testkit.
