//! Who somebody is: passwords, access tokens, refresh tokens, accounts.
//!
//! A function that needs to know who asks calls [`authenticate`]; its manifest
//! gives it the variables `identity_issuer` and `identity_audience` and allows
//! `http://auth-keys.spin.internal`:
//!
//! ```no_run
//! # use suoke_guest::{ApiError, Reply, Request, reply};
//! async fn route(request: Request) -> Result<Reply, ApiError> {
//!     request.allow(&["GET"])?;
//!     let who = suoke_identity::authenticate(&request).await?;
//!     reply::json(&who.user_id)
//! }
//! ```
//!
//! Operators have no account: [`operator`] lets those pass who know the secret
//! variable `operator_token`.

pub mod accounts;
mod attempts;
mod authenticate;
mod cache;
pub mod email;
pub mod jwks;
mod keys;
mod operator;
pub mod password;
mod queries;
pub mod refresh;
mod settings;
pub mod token;

pub use authenticate::{Identity, authenticate};
pub use keys::{KeyError, PublicKey, SigningKey};
pub use operator::operator;
pub use settings::{Settings, Verification};
