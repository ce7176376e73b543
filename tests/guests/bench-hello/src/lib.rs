//! The least that a function can do, for `scripts/bench`.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

#[http_service]
async fn handle(_request: Request) -> impl IntoResponse {
    "Hello, world!\n"
}
