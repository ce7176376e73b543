//! suoke-diagnosis.
