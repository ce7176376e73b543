//! A middleware that adds a header to the request and to the answer, with the
//! value of its variable `stamp`. Bodies pass as they are.

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

struct Stamp;

impl Guest for Stamp {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let stamp = spin_sdk::variables::get("stamp").await;
        let stamp = stamp.map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
        let response = next::handle(stamp_request(request, &stamp)?).await?;
        stamp_response(response, &stamp)
    }
}

fn stamp_request(request: Request, stamp: &str) -> Result<Request, ErrorCode> {
    let headers = stamped(&request.get_headers(), "x-stamp", stamp)?;
    let (method, options) = (request.get_method(), request.get_options());
    let (scheme, authority) = (request.get_scheme(), request.get_authority());
    let path = request.get_path_with_query();
    let (_, received) = wasip3::wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, received);
    let (request, _) = Request::new(headers, Some(body), trailers, options);
    let set = [
        request.set_method(&method),
        request.set_scheme(scheme.as_ref()),
        request.set_authority(authority.as_deref()),
        request.set_path_with_query(path.as_deref()),
    ];
    match set.iter().all(Result::is_ok) {
        true => Ok(request),
        false => Err(ErrorCode::InternalError(None)),
    }
}

fn stamp_response(response: Response, stamp: &str) -> Result<Response, ErrorCode> {
    let headers = stamped(&response.get_headers(), "x-stamped", stamp)?;
    let status = response.get_status_code();
    let (_, received) = wasip3::wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, received);
    let (response, _) = Response::new(headers, Some(body), trailers);
    match response.set_status_code(status) {
        Ok(()) => Ok(response),
        Err(()) => Err(ErrorCode::InternalError(None)),
    }
}

fn stamped(headers: &Fields, name: &str, stamp: &str) -> Result<Fields, ErrorCode> {
    let headers = headers.clone();
    match headers.append(name, stamp.as_bytes()) {
        Ok(()) => Ok(headers),
        Err(error) => Err(ErrorCode::InternalError(Some(error.to_string()))),
    }
}

wasip3::http::service::export!(Stamp);
