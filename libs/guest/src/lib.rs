//! The shape that every function shares: parse, logic, store and emit, reply.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use suoke_guest::{ApiError, Reply, Request, reply};
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Greet { name: String }
//!
//! #[derive(Serialize)]
//! struct Greeting { text: String }
//!
//! suoke_guest::http_service!(route);
//!
//! async fn route(mut request: Request) -> Result<Reply, ApiError> {
//!     request.allow(&["POST"])?;
//!     let greet: Greet = request.json().await?;
//!     reply::json(&Greeting { text: format!("hello {}", greet.name) })
//! }
//! ```
//!
//! A failure is an [`ApiError`] and becomes `application/problem+json`; `?` on
//! any other error is logged once with its causes and answered as 500 without
//! them. Schedules use [`scheduled!`].

pub mod clock;
pub mod cron;
pub mod document;
mod error;
pub mod fetch;
pub mod ids;
pub mod json;
mod lang;
pub mod log;
pub mod page;
mod problem;
pub mod reply;
mod request;
pub mod secret;
mod serve;
pub mod trace;
pub mod variables;
pub mod version;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod wasi;

pub use error::{ApiError, FieldError, Invalid, Passing};
pub use lang::Lang;
pub use reply::Reply;
pub use request::{BODY_SIZE_BYTES_MAX, Request};
pub use serve::answer;

/// The SDK of the macros below.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use spin_sdk;

/// Makes `async fn(Request) -> Result<Reply, ApiError>` the HTTP function of a
/// component. Natively it expands to nothing that is exported, so that the
/// logic around it can be tested.
#[macro_export]
macro_rules! http_service {
    ($route:ident) => {
        #[cfg(target_family = "wasm")]
        mod __suoke_http {
            struct Service;

            impl $crate::spin_sdk::wasip3::exports::http::handler::Guest for Service {
                async fn handle(
                    request: $crate::spin_sdk::wasip3::http::types::Request,
                ) -> Result<
                    $crate::spin_sdk::wasip3::http::types::Response,
                    $crate::spin_sdk::wasip3::http::types::ErrorCode,
                > {
                    $crate::wasi::serve(request, super::$route).await
                }
            }

            $crate::spin_sdk::wasip3::http::service::export!(
                Service with_types_in $crate::spin_sdk::wasip3
            );
        }

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            let _ = $route;
        };
    };
}
