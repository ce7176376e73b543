//! Failures that a caller is told about.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// One field of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it is, such as `readings[3].value`.
    pub field: String,
    /// What is wrong, for programs: `required`, `too_long`, …
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    pub message: String,
}

impl FieldError {
    /// Names what is wrong with a field.
    pub fn new(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
            message: message.into(),
        }
    }
}

/// A failure with its status. Anything that implements [`std::error::Error`]
/// becomes [`ApiError::internal`] through `?`.
#[derive(Debug)]
pub struct ApiError(pub(crate) Box<Failure>);

/// What an [`ApiError`] holds; boxed, because results carry it everywhere.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) detail: String,
    pub(crate) detail_zh: Option<String>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) cause: Option<String>,
}

impl ApiError {
    /// A failure with any status.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Failure {
            status,
            code: code.into(),
            detail: detail.into(),
            detail_zh: None,
            errors: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(400, code, detail)
    }

    /// 400 `validation_failed`: these fields are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut error =
            Self::new(400, "validation_failed", "Some fields are not valid.").zh("部分字段无效。");
        error.0.errors = errors;
        error
    }

    /// 401: who asks is not known. Carries `WWW-Authenticate: Bearer`.
    pub fn unauthorized(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let error = Self::new(401, code, detail);
        let challenge = match error.0.code.as_ref() {
            "token_missing" | "invalid_credentials" => "Bearer".to_owned(),
            _ => format!(
                "Bearer error=\"invalid_token\", error_description=\"{}\"",
                error.0.code
            ),
        };
        error.header("www-authenticate", challenge)
    }

    /// 403: who asks is known and may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", detail).zh("没有权限。")
    }

    /// 404: there is no such thing, or it is not the caller's.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not_found", detail).zh("未找到。")
    }

    /// 405: the resource knows other methods. Carries `Allow`.
    #[must_use]
    pub fn method_not_allowed(allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        Self::new(
            405,
            "method_not_allowed",
            format!("Allowed here: {allowed}."),
        )
        .zh(format!("此处允许的方法：{allowed}。"))
        .header("allow", allowed)
    }

    /// 409: it contradicts what is stored.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(409, code, detail)
    }

    /// 413: the body is too large.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        Self::new(
            413,
            "body_too_large",
            format!("At most {bytes_max} bytes are accepted."),
        )
        .zh(format!("请求体最多 {bytes_max} 字节。"))
    }

    /// 415: the body has another media type.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(415, "unsupported_media_type", detail).zh("不支持的媒体类型。")
    }

    /// 423: locked for some seconds. Carries `Retry-After`.
    pub fn locked(detail: impl Into<String>, retry_after_seconds: i64) -> Self {
        Self::new(423, "locked", detail)
            .header("retry-after", retry_after_seconds.max(1).to_string())
    }

    /// 429: too many requests. Carries `Retry-After`.
    pub fn too_many_requests(detail: impl Into<String>, retry_after_seconds: i64) -> Self {
        Self::new(429, "rate_limited", detail)
            .zh("请求过于频繁。")
            .header("retry-after", retry_after_seconds.max(1).to_string())
    }

    /// 500: our fault. The cause is logged and not told.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut error = Self::new(500, "internal_error", "Something went wrong on our side.")
            .zh("服务内部错误。");
        error.0.cause = Some(cause.to_string());
        error
    }

    /// 503: something that is needed does not answer. The cause is logged and not told.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let mut error = Self::new(
            503,
            "unavailable",
            "A service that is needed does not answer.",
        )
        .zh("依赖的服务暂不可用。")
        .header("retry-after", "1");
        error.0.cause = Some(cause.to_string());
        error
    }

    /// The detail in Chinese.
    #[must_use]
    pub fn zh(mut self, detail: impl Into<String>) -> Self {
        self.0.detail_zh = Some(detail.into());
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// One more field that is wrong.
    #[must_use]
    pub fn field(mut self, error: FieldError) -> Self {
        self.0.errors.push(error);
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// What is wrong, for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The value of a header that the failure carries.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let found = self.0.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}: {}",
            self.0.status, self.0.code, self.0.detail
        )?;
        match &self.0.cause {
            Some(cause) => write!(formatter, " ({cause})"),
            None => Ok(()),
        }
    }
}

/// The innermost cause of a failure that passes by itself: whoever has it among their
/// causes is answered 503 with `Retry-After` instead of 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing;

impl fmt::Display for Passing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it may succeed when it is tried again")
    }
}

impl std::error::Error for Passing {}

impl<E: std::error::Error> From<E> for ApiError {
    fn from(error: E) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        let mut passes = false;
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            passes |= cause.is::<Passing>();
            source = cause.source();
        }
        if passes {
            Self::unavailable(chain)
        } else {
            Self::internal(chain)
        }
    }
}

/// Collects what is wrong with a request, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Invalid(Vec<FieldError>);

impl Invalid {
    /// Nothing wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a field is wrong unless `fine`.
    pub fn check(&mut self, fine: bool, field: &str, code: &'static str, message: &str) {
        if !fine {
            self.0.push(FieldError::new(field, code, message));
        }
    }

    /// Notes an error made elsewhere.
    pub fn add(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Fails with everything that was noted.
    ///
    /// # Errors
    /// [`ApiError::invalid`] when anything was noted.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_internal_with_its_causes() {
        fn fails() -> Result<u8, ApiError> {
            Ok("x".parse::<u8>()?)
        }
        let error = fails().unwrap_err();
        assert_eq!((error.status(), error.code()), (500, "internal_error"));
        assert_eq!(
            error.0.cause.as_deref(),
            Some("invalid digit found in string")
        );
    }

    #[test]
    fn what_passes_by_itself_may_be_asked_again() {
        #[derive(Debug)]
        struct Busy;
        impl fmt::Display for Busy {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("busy")
            }
        }
        impl std::error::Error for Busy {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&Passing)
            }
        }
        let error = ApiError::from(Busy);
        assert_eq!((error.status(), error.code()), (503, "unavailable"));
        assert_eq!(error.header_value("retry-after"), Some("1"));
    }

    #[test]
    fn all_wrong_fields_are_told() {
        let mut invalid = Invalid::new();
        invalid.check(true, "a", "required", "is required");
        invalid.check(false, "b", "required", "is required");
        invalid.check(false, "c", "too_long", "is too long");
        let error = invalid.finish().unwrap_err();
        let fields: Vec<&str> = error
            .errors()
            .iter()
            .map(|error| error.field.as_str())
            .collect();
        assert_eq!((error.status(), fields), (400, vec!["b", "c"]));
        assert!(Invalid::new().finish().is_ok());
    }

    #[test]
    fn a_challenge_names_the_reason() {
        let challenge = |code: &'static str| {
            let error = ApiError::unauthorized(code, "x");
            error.header_value("www-authenticate").unwrap().to_owned()
        };
        assert_eq!(challenge("token_missing"), "Bearer");
        assert!(challenge("token_expired").contains("error=\"invalid_token\""));
    }
}
