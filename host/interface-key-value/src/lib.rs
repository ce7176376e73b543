//! host-interface-key-value.
