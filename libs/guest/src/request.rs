//! The request as a function sees it.

use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::json;
use crate::lang::Lang;
use crate::trace;

/// How large a JSON body may be unless a function says otherwise.
pub const BODY_SIZE_BYTES_MAX: usize = 1024 * 1024;

/// One request. Header names are lower-case.
#[derive(Debug)]
pub struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    id: String,
    pub(crate) body: Body,
}

/// Where the body is.
#[derive(Debug)]
pub(crate) enum Body {
    /// In memory.
    Bytes(Vec<u8>),
    /// Still with the host.
    #[cfg(target_family = "wasm")]
    Incoming(spin_sdk::wasip3::http::types::Request),
}

impl Request {
    /// A request without a body; `target` is the path with the query.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self::from_parts(
            method.to_owned(),
            target,
            Vec::new(),
            Body::Bytes(Vec::new()),
        )
    }

    pub(crate) fn from_parts(
        method: String,
        target: &str,
        headers: Vec<(String, Vec<u8>)>,
        body: Body,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            id: String::new(),
            body,
        };
        request.id = trace::request_id(request.header("x-request-id"));
        request
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        if name.eq_ignore_ascii_case("x-request-id") {
            self.id = trace::request_id(Some(value));
        }
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: &str) -> Self {
        self.body = Body::Bytes(body.as_bytes().to_vec());
        self.with_header("content-type", "application/json")
    }

    /// The same with a form as its body.
    #[must_use]
    pub fn with_form(mut self, body: &str) -> Self {
        self.body = Body::Bytes(body.as_bytes().to_vec());
        self.with_header("content-type", "application/x-www-form-urlencoded")
    }

    /// The same with any body.
    #[must_use]
    pub fn with_body(mut self, media_type: &str, body: &[u8]) -> Self {
        self.body = Body::Bytes(body.to_vec());
        self.with_header("content-type", media_type)
    }

    /// `GET`, `POST`, …
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, still encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What follows the `?`, still encoded.
    #[must_use]
    pub fn query_string(&self) -> &str {
        &self.query
    }

    /// The id that ties log lines and replies to this request.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The first header of this lower-case name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Every header.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// A header that the host appends: the last one counts, whatever the
    /// caller sent under the same name.
    fn host_header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().rev().find(|(known, _)| known == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The part of the path that the route names `:name`, decoded.
    ///
    /// # Errors
    /// 404 when the route has no such part or it is not text.
    pub fn param(&self, name: &str) -> Result<String, ApiError> {
        let header = format!("spin-path-match-{}", name.replace('_', "-"));
        let found = self.host_header(&header);
        found
            .and_then(percent_decoded)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::not_found("There is nothing at this path."))
    }

    /// The route that matched, as the manifest writes it.
    #[must_use]
    pub fn route(&self) -> &str {
        self.host_header("spin-raw-component-route")
            .unwrap_or_default()
    }

    /// The query as a struct; unknown and repeated names are refused if the
    /// struct says `deny_unknown_fields`.
    ///
    /// # Errors
    /// 400 that names the offending field.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        from_pairs(serde_urlencoded::Deserializer::new(pairs))
    }

    /// Fails unless the method is one of these; HEAD goes where GET goes.
    ///
    /// # Errors
    /// 405 with `Allow`.
    pub fn allow(&self, methods: &[&str]) -> Result<(), ApiError> {
        let method = if self.method == "HEAD" {
            "GET"
        } else {
            &self.method
        };
        if methods.contains(&method) {
            Ok(())
        } else {
            Err(ApiError::method_not_allowed(methods))
        }
    }

    /// The language that the caller reads.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.header("accept-language")
            .map_or(Lang::default(), Lang::choose)
    }

    /// The W3C trace context, if it is well-formed.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.header("traceparent")
            .filter(|text| trace::is_traceparent(text))
    }

    /// The token of `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// The JSON body, at most [`BODY_SIZE_BYTES_MAX`].
    ///
    /// # Errors
    /// 400 that names the field, 413, or 415.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        self.json_within(BODY_SIZE_BYTES_MAX).await
    }

    /// The JSON body with a bound of its own.
    ///
    /// # Errors
    /// 400 that names the field, 413, or 415.
    pub async fn json_within<T: DeserializeOwned>(
        &mut self,
        bytes_max: usize,
    ) -> Result<T, ApiError> {
        json::decode(&self.json_bytes(bytes_max).await?)
    }

    /// The JSON body where it is a list.
    ///
    /// # Errors
    /// 400 that names the item and its field, 413, or 415.
    pub async fn json_list<T: DeserializeOwned>(
        &mut self,
        bytes_max: usize,
    ) -> Result<Vec<T>, ApiError> {
        json::decode_list(&self.json_bytes(bytes_max).await?)
    }

    async fn json_bytes(&mut self, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
        let media = self.header("content-type").unwrap_or_default();
        let media = media
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_json = media == "application/json"
            || (media.starts_with("application/") && media.ends_with("+json"));
        if !is_json {
            return Err(ApiError::unsupported_media_type("Send application/json.")
                .header("accept", "application/json"));
        }
        self.bytes_within(bytes_max).await
    }

    /// The body as a form or as JSON, whichever it says to be: OAuth clients send
    /// forms.
    ///
    /// # Errors
    /// 400 that names the field, 413, or 415.
    pub async fn form_or_json<T: DeserializeOwned>(
        &mut self,
        bytes_max: usize,
    ) -> Result<T, ApiError> {
        let media = self.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return self.json_within(bytes_max).await;
        }
        let body = self.bytes_within(bytes_max).await?;
        let pairs = form_urlencoded::parse(&body);
        from_pairs(serde_urlencoded::Deserializer::new(pairs))
    }

    /// The body; it can be read once.
    ///
    /// # Errors
    /// 413 when it is larger, 400 when it breaks off.
    pub async fn bytes_within(&mut self, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
        let stated = self
            .header("content-length")
            .and_then(|text| text.parse::<usize>().ok());
        if stated.is_some_and(|stated| stated > bytes_max) {
            return Err(ApiError::too_large(bytes_max));
        }
        let body = std::mem::replace(&mut self.body, Body::Bytes(Vec::new()));
        let bytes = body.read(bytes_max).await?;
        if bytes.len() > bytes_max {
            return Err(ApiError::too_large(bytes_max));
        }
        Ok(bytes)
    }
}

fn from_pairs<T: DeserializeOwned>(
    pairs: serde_urlencoded::Deserializer<'_>,
) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        ApiError::invalid(vec![json::field_error(&path, &error.inner().to_string())])
    })
}

impl Body {
    #[cfg(target_family = "wasm")]
    async fn read(self, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Incoming(request) => crate::wasi::read_request(request, bytes_max).await,
        }
    }

    #[cfg(not(target_family = "wasm"))]
    #[expect(clippy::unused_async, reason = "the same shape as in a component")]
    async fn read(self, _bytes_max: usize) -> Result<Vec<u8>, ApiError> {
        let Self::Bytes(bytes) = self;
        Ok(bytes)
    }
}

/// `%E4%BD%A0` to text; `None` when it is not UTF-8 or a digit is missing.
fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Page {
        limit: Option<u32>,
        cursor: Option<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }

    #[test]
    fn a_query_is_typed_and_strict() {
        let page = |query: &str| Request::new("GET", &format!("/x?{query}")).query::<Page>();
        let found = page("limit=5&cursor=%E4%BD%A0+x").unwrap();
        assert_eq!(
            found,
            Page {
                limit: Some(5),
                cursor: Some("你 x".to_owned())
            }
        );
        for (query, field, code) in [
            ("limit=x", "limit", "invalid_value"),
            ("limit=-1", "limit", "invalid_value"),
            ("offset=1", "offset", "unknown_field"),
            ("limit=1&limit=2", "limit", "duplicate_field"),
        ] {
            let error = page(query).unwrap_err();
            let told = &error.errors()[0];
            assert_eq!(
                (error.status(), told.field.as_str(), told.code.as_ref()),
                (400, field, code),
                "{query}"
            );
        }
    }

    #[test]
    fn a_body_is_bounded_typed_and_read_once() {
        let mut request = Request::new("POST", "/").with_json(r#"{"name":"王芳"}"#);
        let named: Named = block_on(request.json()).unwrap();
        assert_eq!(named.name, "王芳");
        assert_eq!(
            block_on(request.json::<Named>()).unwrap_err().code(),
            "malformed_json"
        );
        let mut large = Request::new("POST", "/").with_json(r#"{"name":"0123456789"}"#);
        assert_eq!(
            block_on(large.json_within::<Named>(10))
                .unwrap_err()
                .status(),
            413
        );
        let mut stated = Request::new("POST", "/")
            .with_json("{}")
            .with_header("content-length", "99");
        assert_eq!(
            block_on(stated.json_within::<Named>(98))
                .unwrap_err()
                .status(),
            413
        );
    }

    #[test]
    fn a_list_names_the_item_that_is_wrong() {
        let list = |body: &str| {
            let mut request = Request::new("PUT", "/").with_json(body);
            block_on(request.json_list::<Named>(100))
        };
        assert_eq!(list(r#"[{"name":"a"},{"name":"b"}]"#).unwrap().len(), 2);
        assert!(list("[]").unwrap().is_empty());
        for (body, field) in [
            (r#"[{"name":"a"},{}]"#, "[1].name"),
            (r#"[{"name":"a","x":1}]"#, "[0].x"),
            (r#"{"name":"a"}"#, ""),
        ] {
            let error = list(body).unwrap_err();
            let told = (error.status(), error.errors()[0].field.as_str());
            assert_eq!(told, (400, field), "{body}");
        }
    }

    #[test]
    fn only_json_is_accepted() {
        for (media, status) in [
            ("application/json; charset=utf-8", None),
            ("Application/JSON", None),
            ("application/merge-patch+json", None),
            ("text/plain", Some(415)),
            ("application/x-www-form-urlencoded", Some(415)),
            ("", Some(415)),
        ] {
            let mut request = Request::new("POST", "/").with_header("content-type", media);
            request.body = Body::Bytes(br#"{"name":"a"}"#.to_vec());
            let failed = block_on(request.json::<Named>())
                .err()
                .map(|error| error.status());
            assert_eq!(failed, status, "{media}");
        }
    }

    #[test]
    fn a_form_is_read_like_json() {
        let named = |request: &mut Request| block_on(request.form_or_json::<Named>(100));
        let mut form = Request::new("POST", "/").with_form("name=%E7%8E%8B+x");
        assert_eq!(named(&mut form).unwrap().name, "王 x");
        let mut json = Request::new("POST", "/").with_json(r#"{"name":"a"}"#);
        assert_eq!(named(&mut json).unwrap().name, "a");
        for (body, code) in [
            ("", "required"),
            ("name=a&name=b", "duplicate_field"),
            ("name=a&x=b", "unknown_field"),
        ] {
            let mut form = Request::new("POST", "/").with_form(body);
            let error = named(&mut form).unwrap_err();
            assert_eq!(error.errors()[0].code, code, "{body}");
        }
        let mut long = Request::new("POST", "/").with_form(&"a".repeat(101));
        assert_eq!(named(&mut long).unwrap_err().status(), 413);
    }

    #[test]
    fn other_methods_are_refused_with_allow() {
        let error = Request::new("PUT", "/")
            .allow(&["GET", "POST"])
            .unwrap_err();
        assert_eq!(
            (error.status(), error.header_value("allow")),
            (405, Some("GET, POST"))
        );
        assert!(Request::new("HEAD", "/").allow(&["GET"]).is_ok());
        assert!(Request::new("HEAD", "/").allow(&["POST"]).is_err());
    }

    #[test]
    fn the_hosts_path_parameter_wins_over_the_callers() {
        let request = Request::new("GET", "/x")
            .with_header("spin-path-match-user-id", "forged")
            .with_header("spin-path-match-user-id", "%E7%8E%8B");
        assert_eq!(request.param("user_id").unwrap(), "王");
        assert_eq!(request.param("other").unwrap_err().status(), 404);
        let broken = Request::new("GET", "/x").with_header("spin-path-match-id", "%e7%8");
        assert_eq!(broken.param("id").unwrap_err().status(), 404);
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case() {
        let bearer = |value: &str| {
            let request = Request::new("GET", "/").with_header("Authorization", value);
            request.bearer().map(str::to_owned)
        };
        assert_eq!(bearer("bEaReR abc"), Some("abc".to_owned()));
        assert_eq!(bearer("Bearer "), None);
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(Request::new("GET", "/").bearer(), None);
    }

    #[test]
    fn the_request_id_is_taken_over() {
        assert_eq!(
            Request::new("GET", "/")
                .with_header("x-request-id", "r-1")
                .id(),
            "r-1"
        );
        assert_eq!(Request::new("GET", "/").id().len(), 36);
    }
}
