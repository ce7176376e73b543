//! A function of WASI 0.2, as most languages make them: answers with its method,
//! its path, and the body it was sent. `/trap` traps, `/nothing` gives no answer.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken guest is to fail loudly"
)]

use std::io::{Read, Write};

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Handler;

impl Guest for Handler {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        match path.as_str() {
            "/trap" => panic!("asked to trap"),
            "/nothing" => return,
            _ => {}
        }
        let mut text = format!("{:?} {path}\n", request.method()).into_bytes();
        let body = request.consume().unwrap();
        let mut stream = body.stream().unwrap();
        stream.read_to_end(&mut text).unwrap();
        let headers = Fields::new();
        let kind = b"text/plain".to_vec();
        headers.append("content-type", &kind).unwrap();
        let response = OutgoingResponse::new(headers);
        response.set_status_code(202).unwrap();
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().unwrap();
        stream.write_all(&text).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}

wasip2::http::proxy::export!(Handler);
