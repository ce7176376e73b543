//! Reads a person with readings, checks every range and answers with figures,
//! for `scripts/bench`.

mod person;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let body = request.into_body().collect().await?.to_bytes();
    let (status, answer) = person::answer(&body);
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    Ok(response.body(Full::new(Bytes::from(answer)))?)
}
