//! consultations.
