//! Serves HTTP requests with components.
//!
//! ```text
//! socket -> worker thread -> route -> request as the component sees it -> pool -> answer
//! ```
//!
//! Each worker thread serves its connections and runs their components itself:
//! a request never changes threads. The host's own answers are all made in one
//! place, by the kind of the failure.

mod body;
mod invoke;
mod listen;
mod request;
mod respond;
mod route;
mod serve;
mod tls;
mod turn;

pub use body::{ResponseBody, StreamBody};
pub use invoke::HttpFunction;
pub use listen::{HttpListener, HttpOptions, ListenError};
pub use request::chained_component;
pub use respond::status;
pub use route::{Match, RouteError, Router};
pub use serve::{HttpApp, Peer};
pub use tls::{TlsError, TlsFiles};
