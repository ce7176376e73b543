//! host-trigger-http.
