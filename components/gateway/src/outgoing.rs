//! The answer on its way out.

use spin_sdk::wasip3::http::types::{ErrorCode, Response};
use spin_sdk::wasip3::wit_future;
use suoke_gateway::{Stored, headers};
use suoke_guest::wasi::body::{self, Contents, TrailersReader, Unread};
use suoke_guest::{ApiError, Reply, Request, answer};

use crate::incoming::Incoming;
use crate::wire::{self, Headers};

/// An answer whose headers can still change.
pub(crate) struct Outgoing {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: Headers,
    contents: Contents,
    trailers: TrailersReader,
}

impl Outgoing {
    /// What the function answers.
    pub(crate) fn of(response: Response) -> Self {
        let status = response.get_status_code();
        let mut headers = response.get_headers().copy_all();
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        let (_, received) = wit_future::new(|| Ok(()));
        let (contents, trailers) = Response::consume_body(response, received);
        Self {
            status,
            headers,
            contents: Some(contents),
            trailers,
        }
    }

    /// An answer of the gateway itself.
    pub(crate) fn new(status: u16, headers: Headers, body: Vec<u8>) -> Self {
        let (contents, trailers) = body::of_bytes(body);
        Self {
            status,
            headers,
            contents,
            trailers,
        }
    }

    /// A failure as `application/problem+json`, logged if it is ours.
    pub(crate) async fn problem(incoming: &Incoming, error: ApiError) -> Self {
        let mut request = Request::new(&incoming.method, incoming.path());
        request = request.with_header("x-request-id", &incoming.id);
        if let Some(languages) = incoming.header("accept-language") {
            request = request.with_header("accept-language", languages);
        }
        let reply = answer(request, async move |_| Err(error)).await;
        Self::reply(reply)
    }

    /// An answer in memory.
    fn reply(reply: Reply) -> Self {
        let (status, headers, body) = reply.into_parts();
        let headers = headers.into_iter();
        let mut headers: Headers = headers
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        headers.push(length(body.len()));
        Self::new(status, headers, body)
    }

    /// An answer that was kept.
    pub(crate) fn stored(stored: Stored) -> Self {
        let headers = stored.headers.into_iter();
        let mut headers: Headers = headers
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        headers.push(length(stored.body.len()));
        Self::new(stored.status, headers, stored.body)
    }

    /// The first header of this lower-case name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Sets a header, whatever it was.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.add(name, value);
    }

    /// Adds a header.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.headers
            .push((name.to_owned(), value.as_bytes().to_vec()));
    }

    /// Sets a header unless there is one.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        if !self.headers.iter().any(|(known, _)| known == name) {
            self.add(name, value);
        }
    }

    /// Whether the body is known to be at most this long.
    pub(crate) fn is_at_most(&self, bytes_max: usize) -> bool {
        let length = self.header("content-length");
        length
            .and_then(|text| text.parse::<usize>().ok())
            .is_some_and(|length| length <= bytes_max)
    }

    /// Takes the body, which can be put back.
    ///
    /// # Errors
    /// When it is larger than it may be or breaks off.
    pub(crate) async fn take_body(&mut self, bytes_max: usize) -> Result<Vec<u8>, Unread> {
        let (none, ended) = body::of_bytes(Vec::new());
        let contents = std::mem::replace(&mut self.contents, none);
        let trailers = std::mem::replace(&mut self.trailers, ended);
        body::read(contents, trailers, bytes_max).await
    }

    /// Puts a body in its place.
    pub(crate) fn put_body(&mut self, body: Vec<u8>) {
        (self.contents, self.trailers) = body::of_bytes(body);
    }

    /// The same without its body: the caller has it.
    pub(crate) fn not_modified(mut self) -> Self {
        self.status = 304;
        self.headers
            .retain(|(name, _)| name != "content-length" && name != "content-type");
        self.put_body(Vec::new());
        self
    }

    /// Sends it, with what every answer carries.
    ///
    /// # Errors
    /// When a header is none that HTTP allows.
    pub(crate) fn send(mut self, incoming: &Incoming) -> Result<Response, ErrorCode> {
        self.set("x-request-id", &incoming.id);
        for (name, value) in headers::DEFAULTS {
            self.set_default(name, value);
        }
        wire::response(self.status, &self.headers, self.contents, self.trailers)
    }
}

fn length(bytes: usize) -> (String, Vec<u8>) {
    ("content-length".to_owned(), bytes.to_string().into_bytes())
}
