//! host-manifest.
