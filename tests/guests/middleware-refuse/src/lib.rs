//! A middleware that lets nobody in who comes from outside without `x-let-in`.

use spin_sdk::wasip3;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};

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

struct Refuse;

impl Guest for Refuse {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let headers = request.get_headers();
        let is_inside = headers.get("spin-client-addr") == [b"0.0.0.0:0"];
        if headers.has("x-let-in") || is_inside {
            return next::handle(request).await;
        }
        let (_, no_trailers) = wasip3::wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), None, no_trailers);
        match response.set_status_code(403) {
            Ok(()) => Ok(response),
            Err(()) => Err(ErrorCode::InternalError(None)),
        }
    }
}

wasip3::http::service::export!(Refuse);
