//! Calls to the diagnostic steps, which the host composes into whoever uses this.
//!
//! A library of its own: linking it makes a component import every step here. In
//! native tests nothing is composed, and the engines answer directly.

#[cfg(target_family = "wasm")]
mod composed;

/// What the inquiry step reads out of a text.
pub fn inquiry(text: &str) -> suoke_diagnosis::StepResult {
    #[cfg(target_family = "wasm")]
    return composed::inquiry(text);
    #[cfg(not(target_family = "wasm"))]
    return suoke_diagnosis::analyse(text);
}
