//! host-interface-variables.
