//! Calls to the diagnostic steps, which the host composes into whoever uses this.
//!
//! A component imports the steps whose functions it calls. In native tests nothing is
//! composed, and the engines answer directly.

#[cfg(target_family = "wasm")]
mod composed;

/// What the inquiry step reads out of a text.
pub fn inquiry(text: &str) -> suoke_diagnosis::StepResult {
    #[cfg(target_family = "wasm")]
    return composed::inquiry(text);
    #[cfg(not(target_family = "wasm"))]
    return suoke_diagnosis::analyse(text);
}

/// What the observations mean together; with any red flag it is an emergency and
/// nothing is differentiated.
pub fn differentiate(
    observations: &[suoke_diagnosis::Observation],
    red_flags: &[String],
) -> suoke_diagnosis::Differentiation {
    #[cfg(target_family = "wasm")]
    return composed::differentiate(observations, red_flags);
    #[cfg(not(target_family = "wasm"))]
    return suoke_diagnosis::differentiate(observations, red_flags);
}
