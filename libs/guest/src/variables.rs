//! Variables of the component, from `[component.NAME.variables]`.

use crate::error::ApiError;

/// The value of a variable.
///
/// # Errors
/// 500 when the manifest does not give it to the component.
#[cfg(target_family = "wasm")]
pub async fn get(name: &str) -> Result<String, ApiError> {
    let value = spin_sdk::variables::get(name).await;
    value.map_err(|error| ApiError::internal(format!("variable {name}: {error}")))
}

/// The value of a variable; natively there are none.
///
/// # Errors
/// 500, always.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub async fn get(name: &str) -> Result<String, ApiError> {
    Err(ApiError::internal(format!(
        "variable {name}: there is no host"
    )))
}
