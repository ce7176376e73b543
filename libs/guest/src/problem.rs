//! `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;

use crate::error::{ApiError, FieldError};
use crate::lang::Lang;
use crate::reply::Reply;

/// The media type of problems.
const PROBLEM_JSON: &str = "application/problem+json";

/// The body of a problem.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: Cow<'a, [FieldError]>,
}

/// The reply that tells a failure to the caller.
pub(crate) fn reply(error: &ApiError, path: &str, request_id: &str, lang: Lang) -> Reply {
    let detail = match lang {
        Lang::ZhCn => error.0.detail_zh.as_deref().unwrap_or(&error.0.detail),
        Lang::En => &error.0.detail,
    };
    let problem = Problem {
        kind: format!("urn:suoke:problem:{}", error.0.code),
        title: title(error.0.status, lang),
        status: error.0.status,
        detail,
        instance: path,
        code: &error.0.code,
        request_id,
        errors: told(&error.0.errors, lang),
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut reply = Reply::new(error.0.status)
        .header("content-type", PROBLEM_JSON)
        .header("content-language", lang.tag())
        .body(body);
    for (name, value) in &error.0.headers {
        reply = reply.header(name, value.clone());
    }
    reply
}

/// The field errors in the language; messages that only their function knows
/// stay as they are.
fn told(errors: &[FieldError], lang: Lang) -> Cow<'_, [FieldError]> {
    if lang == Lang::En {
        return Cow::Borrowed(errors);
    }
    let told = errors.iter().map(|error| {
        let message = zh(&error.code).map_or_else(|| error.message.clone(), str::to_owned);
        FieldError::new(error.field.clone(), error.code.clone(), message)
    });
    Cow::Owned(told.collect())
}

/// What the codes that functions share mean in Chinese.
fn zh(code: &str) -> Option<&'static str> {
    Some(match code {
        "required" => "必填",
        "unknown_field" => "未知字段",
        "duplicate_field" => "重复的字段",
        "wrong_type" => "类型不正确",
        "invalid_value" => "取值无效",
        "out_of_range" => "超出范围",
        "too_short" => "过短",
        "too_long" => "过长",
        "too_simple" => "过于简单：至少包含一个字母和一个数字",
        "invalid_email" => "不是有效的邮箱地址",
        "invalid_name" => "应为 1 到 100 个字符，不含控制字符",
        "invalid_text" => "不能包含控制字符",
        "invalid_cursor" => "应为之前应答中的 next_cursor",
        "email_exists" => "已被注册",
        _ => return None,
    })
}

/// The title of a status in both languages.
fn title(status: u16, lang: Lang) -> &'static str {
    let (en, zh) = match status {
        400 => ("Bad request", "请求有误"),
        401 => ("Not authenticated", "未认证"),
        403 => ("Not allowed", "没有权限"),
        404 => ("Not found", "未找到"),
        405 => ("Method not allowed", "方法不允许"),
        409 => ("Conflict", "冲突"),
        412 => ("Precondition failed", "前提条件不满足"),
        413 => ("Body too large", "请求体过大"),
        415 => ("Unsupported media type", "不支持的媒体类型"),
        422 => ("Cannot be processed", "无法处理"),
        423 => ("Locked", "已锁定"),
        429 => ("Too many requests", "请求过于频繁"),
        502 => ("Bad answer from a service", "上游服务应答有误"),
        503 => ("Unavailable", "暂不可用"),
        504 => ("Timed out", "超时"),
        _ => ("Internal error", "内部错误"),
    };
    lang.pick(en, zh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_problem_names_the_fields_and_hides_the_cause() {
        let error = ApiError::invalid(vec![FieldError::new("email", "required", "is required")]);
        let reply = reply(&error, "/api/v1/users/register", "r1", Lang::En);
        let body: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "urn:suoke:problem:validation_failed",
                "title": "Bad request",
                "status": 400,
                "detail": "Some fields are not valid.",
                "instance": "/api/v1/users/register",
                "code": "validation_failed",
                "request_id": "r1",
                "errors": [{"field": "email", "code": "required", "message": "is required"}],
            })
        );
        assert_eq!(reply.header_value("content-type"), Some(PROBLEM_JSON));
        let hidden = super::reply(&ApiError::internal("secret cause"), "/", "r1", Lang::En);
        assert!(!String::from_utf8_lossy(hidden.body_bytes()).contains("secret"));
    }

    #[test]
    fn chinese_is_spoken_where_asked_for() {
        let reply = reply(&ApiError::not_found("No."), "/x", "r1", Lang::ZhCn);
        let body: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        assert_eq!(
            (&body["title"], &body["detail"]),
            (&json!("未找到"), &json!("未找到。"))
        );
        assert_eq!(reply.header_value("content-language"), Some("zh-CN"));
        let errors = vec![
            FieldError::new("a", "required", "is required"),
            FieldError::new("b", "special", "is special"),
        ];
        let reply = super::reply(&ApiError::invalid(errors), "/x", "r1", Lang::ZhCn);
        let body: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        assert_eq!(body["errors"][0]["message"], "必填");
        assert_eq!(body["errors"][1]["message"], "is special");
    }
}
