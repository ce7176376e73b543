//! suoke-store.
