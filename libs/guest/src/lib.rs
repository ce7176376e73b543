//! suoke-guest.
