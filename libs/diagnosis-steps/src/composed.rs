//! The steps as imports of the component.

mod differentiation;
mod inquiry;

pub(crate) use differentiation::differentiate;
pub(crate) use inquiry::inquiry;
