//! consultation-create.
