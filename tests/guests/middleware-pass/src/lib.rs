//! A middleware that hands request and answer on untouched.

use spin_sdk::wasip3;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};

mod next {
    //! What is inside.
    wit_bindgen::generate!({
        path: "../../../wit/deps/wasi-http",
        inline: "package test:middleware; world middleware { import wasi:http/handler@0.3.0; }",
        world: "test:middleware/middleware",
        with: { "wasi:http/types@0.3.0": spin_sdk::wasip3::http::types },
        generate_all,
    });
    pub use wasi::http::handler::handle;
}

struct Pass;

impl Guest for Pass {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        next::handle(request).await
    }
}

wasip3::http::service::export!(Pass);
