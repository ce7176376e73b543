//! host-interface-sqlite.
