//! host-interface-outbound-http.
