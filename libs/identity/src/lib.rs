//! suoke-identity.
