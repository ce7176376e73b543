//! Replies: a status, headers and a body.

use serde::Serialize;

use crate::error::ApiError;

/// What a function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// An empty reply.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// One more header; names are lower-case.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The first header of this name.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The header unless there is one already.
    pub(crate) fn default_header(&mut self, name: &str, value: &str) {
        if self.header_value(name).is_none() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Leaves the body out, as for HEAD.
    pub(crate) fn without_body(mut self) -> Self {
        self.body = Vec::new();
        self
    }

    /// Status, headers and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        (self.status, self.headers, self.body)
    }
}

/// JSON with any status.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn json_with<T: Serialize>(status: u16, value: &T) -> Result<Reply, ApiError> {
    let body = serde_json::to_vec(value)?;
    Ok(Reply::new(status)
        .header("content-type", "application/json")
        .body(body))
}

/// 200 with JSON.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn json<T: Serialize>(value: &T) -> Result<Reply, ApiError> {
    json_with(200, value)
}

/// 201 with JSON and where the new thing is.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn created<T: Serialize>(location: &str, value: &T) -> Result<Reply, ApiError> {
    Ok(json_with(201, value)?.header("location", location))
}

/// 202 with JSON: it will be done.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn accepted<T: Serialize>(value: &T) -> Result<Reply, ApiError> {
    json_with(202, value)
}

/// 204 without a body.
///
/// # Errors
/// Never; it has the shape of its siblings.
pub fn empty() -> Result<Reply, ApiError> {
    Ok(Reply::new(204))
}
