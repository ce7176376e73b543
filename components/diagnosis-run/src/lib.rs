//! Runs a diagnostic step on what a person sends, and answers at once.

mod answers;

use serde::Deserialize;
use suoke_cache::Cache;
use suoke_diagnosis::{Language, Report, TEXT_CHARS_MAX};
use suoke_guest::{ApiError, FieldError, Reply, Request, ids, reply};

suoke_guest::http_service!(route);

/// What the inquiry reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inquiry {
    text: String,
}

/// Several steps at once; so far there is one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    inquiry: Inquiry,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    let is_whole = request.path().trim_end_matches('/').ends_with("/diagnosis");
    if !is_whole && request.param("step")? != "inquiry" {
        return Err(
            ApiError::not_found("There is no such diagnostic step.").zh("没有这个诊断步骤。")
        );
    }
    request.allow(&["POST"])?;
    suoke_identity::caller(&request)?;
    let (field, asked) = if is_whole {
        ("inquiry.text", request.json::<Steps>().await?.inquiry)
    } else {
        ("text", request.json::<Inquiry>().await?)
    };
    let length = asked.text.chars().count();
    if length == 0 || length > TEXT_CHARS_MAX {
        let message = format!("must be 1 to {TEXT_CHARS_MAX} characters long");
        return Err(ApiError::invalid(vec![FieldError::new(
            field,
            "invalid_length",
            message,
        )]));
    }
    let lang = request.lang();
    let language = match lang {
        suoke_guest::Lang::ZhCn => Language::Chinese,
        suoke_guest::Lang::En => Language::English,
    };
    let cache = Cache::new(&answers::ANSWERS);
    let (result, origin) = answers::inquiry(&cache, &asked.text).await;
    let report = Report::inquiry(ids::new_id(), result, language);
    Ok(reply::json(&report)?
        .header("content-language", lang.tag())
        .header("x-cache", origin.as_str()))
}
