//! Stands in front of every function that is reachable from outside: recognises
//! callers, limits them, leaves failing functions alone. What it decides is in
//! `suoke_gateway`; here are the steps and the wire.
#![cfg(target_family = "wasm")]

mod ask;
mod call;
mod incoming;
mod kept;
mod outgoing;
mod recognise;
mod settings;
mod steps;
mod wire;

use spin_sdk::wasip3;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response};

mod next {
    //! The function, or another middleware in front of it.
    #![allow(missing_docs, reason = "made by a macro")]

    wit_bindgen::generate!({
        path: "../../wit/deps/wasi-http",
        inline: "package suoke:gateway; world gateway { import wasi:http/handler@0.3.0; }",
        world: "suoke:gateway/gateway",
        with: { "wasi:http/types@0.3.0": spin_sdk::wasip3::http::types },
        generate_all,
    });

    pub(crate) use wasi::http::handler::handle;
}

struct Gateway;

impl Guest for Gateway {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match incoming::Incoming::of(&request) {
            Some(incoming) => steps::serve(request, incoming).await,
            // Another function of the application asks. It was let through by
            // its own gateway, and says itself in whose name it asks.
            None => next::handle(request).await,
        }
    }
}

wasip3::http::service::export!(Gateway with_types_in spin_sdk::wasip3);
