//! A piece of a file, as it is sent.

use serde::Deserialize;
use suoke_guest::{ApiError, FieldError, Invalid, Request};
use suoke_imports::{Batch, Format, parse};

/// Most bytes of a piece.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most letters of the name of an import.
const ID_LETTERS_MAX: usize = 64;
/// The largest number of a line: far beyond any file.
const LINE_MAX: u64 = 1 << 40;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    import_id: String,
    from_line: u64,
    /// Belongs to times without one, such as `+08:00`.
    offset: Option<String>,
}

/// A piece that can be read.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) import_id: String,
    /// The first line of the file that holds data.
    pub(crate) first_line: u64,
    pub(crate) from_line: u64,
    pub(crate) batch: Batch,
}

impl Asked {
    pub(crate) async fn read(request: &mut Request) -> Result<Self, ApiError> {
        let query: Query = request.query()?;
        let mut invalid = Invalid::new();
        let message = "must be 1 to 64 letters, digits, dots, underscores or hyphens";
        invalid.check(
            is_name(&query.import_id),
            "import_id",
            "invalid_text",
            message,
        );
        let is_line = (1..=LINE_MAX).contains(&query.from_line);
        invalid.check(
            is_line,
            "from_line",
            "out_of_range",
            "must be the number of a line, from 1",
        );
        let is_offset = query.offset.as_deref().is_none_or(is_offset);
        invalid.check(is_offset, "offset", "invalid_value", "must be like +08:00");
        invalid.finish()?;
        let format = format(request)?;
        let bytes = request.bytes_within(BODY_BYTES_MAX).await?;
        let text = String::from_utf8(bytes).map_err(|error| encoding(&error))?;
        let batch =
            parse(&text, format, query.from_line, query.offset.as_deref()).map_err(whole)?;
        Ok(Self {
            import_id: query.import_id,
            first_line: if format == Format::Csv { 2 } else { 1 },
            from_line: query.from_line,
            batch,
        })
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=ID_LETTERS_MAX).contains(&text.len()) && text.bytes().all(is_letter)
}

fn is_offset(text: &str) -> bool {
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let has_digits = [1, 2, 4, 5].into_iter().all(is_digit);
    text == "Z"
        || (text.len() == 6
            && text.starts_with(['+', '-'])
            && text.get(3..4) == Some(":")
            && has_digits)
}

fn format(request: &Request) -> Result<Format, ApiError> {
    let media = request.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    match media.to_ascii_lowercase().as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" => Ok(Format::Ndjson),
        _ => Err(
            ApiError::unsupported_media_type("Send text/csv or application/x-ndjson.")
                .header("accept", "text/csv, application/x-ndjson"),
        ),
    }
}

fn encoding(error: &std::string::FromUtf8Error) -> ApiError {
    let at = error.utf8_error().valid_up_to();
    let detail = format!("The body is not UTF-8 from byte {at} on: convert the file first.");
    ApiError::bad_request("invalid_encoding", detail).zh("请求体不是 UTF-8，请先转换文件编码。")
}

/// The piece as a whole is wrong.
fn whole(refusal: suoke_imports::Refusal) -> ApiError {
    if refusal.code == "too_many_lines" {
        let detail = format!("The body is too long: {}.", refusal.message);
        return ApiError::new(413, refusal.code, detail).zh("行数过多。");
    }
    ApiError::invalid(vec![FieldError::new("body", refusal.code, refusal.message)])
}
