//! Who somebody is: passwords, access tokens, refresh tokens, accounts.
//!
//! A function that needs to know who asks calls [`caller`], or [`operator`] when
//! only administrators and operators may ask; its manifest puts the gateway in
//! front of it:
//!
//! ```no_run
//! # use suoke_guest::{ApiError, Reply, Request, reply};
//! async fn route(request: Request) -> Result<Reply, ApiError> {
//!     request.allow(&["GET"])?;
//!     let who = suoke_identity::caller(&request)?;
//!     reply::json(&who.user_id)
//! }
//! ```

pub mod accounts;
mod attempts;
mod authenticate;
mod cache;
pub mod caller;
pub mod client;
pub mod clients;
pub mod denylist;
pub mod email;
pub mod events;
pub mod jwks;
mod keyring;
mod keys;
pub mod mails;
pub mod oauth;
pub mod password;
pub mod passwords;
mod queries;
pub mod refresh;
pub mod revoke;
pub mod sealed;
pub mod sessions;
mod settings;
pub mod token;
pub mod totp;
pub mod users;

pub use authenticate::verify;
pub use caller::{AuthMethod, Identity, caller, client_ip, operator, optional_caller};
pub use client::Client;
pub use denylist::Effects;
pub use keyring::KeyRing;
pub use keys::{KeyError, PublicKey, SigningKey};
pub use sealed::SealingKey;
pub use settings::{Settings, Verification};
