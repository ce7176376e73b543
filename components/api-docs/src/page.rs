//! The page for people: made of the document when the component is built, so
//! that it needs no script and nothing from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

use super::merge::{operations, resolved};

/// How the page looks; the only thing that its security policy lets in.
pub(crate) const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2733}\
h2{margin-top:2.5rem;border-bottom:1px solid #d5dde3}\
details{border:1px solid #d5dde3;border-radius:4px;margin:.5rem 0}\
details>:not(summary){margin:.5rem 1rem}\
summary{cursor:pointer;padding:.5rem 1rem}\
summary code{font-weight:600}\
.method{display:inline-block;min-width:4.5rem;font-weight:700}\
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}\
pre{background:#f4f6f8;padding:.8rem;overflow:auto}";

/// The page of a document.
pub(crate) fn page(document: &Value) -> String {
    let title = text(document.pointer("/info/title"));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1>"
    );
    let about = text(document.pointer("/info/description"));
    push(&mut out, format_args!("<p>{about}</p>"));
    out.push_str("<p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a></p>");
    let mut group = String::new();
    let mut found = operations(document);
    found.sort_by_key(|(_, _, operation)| text(operation.pointer("/tags/0")));
    for (path, method, operation) in found {
        let tag = text(operation.pointer("/tags/0"));
        if tag != group {
            push(&mut out, format_args!("<h2>{tag}</h2>"));
            group = tag;
        }
        operation_of(&mut out, document, path, method, operation);
    }
    schemas(&mut out, document);
    out.push_str("</body></html>\n");
    out
}

fn operation_of(out: &mut String, document: &Value, path: &str, method: &str, operation: &Value) {
    let (path_text, summary) = (escape(path), text(operation.get("summary")));
    let method = method.to_ascii_uppercase();
    push(
        out,
        format_args!(
            "<details><summary><span class=\"method\">{method}</span><code>{path_text}</code> \
             {summary}</summary>"
        ),
    );
    if let Some(description) = operation.get("description") {
        push(out, format_args!("<p>{}</p>", text(Some(description))));
    }
    let who = match operation.get("security").and_then(Value::as_array) {
        Some(schemes) if schemes.is_empty() => "Nobody has to log in.",
        _ => "With <code>authorization: Bearer …</code>.",
    };
    push(out, format_args!("<p>{who}</p>"));
    let shared = document
        .get("paths")
        .and_then(|paths| paths.get(path)?.get("parameters"));
    parameters(out, document, [shared, operation.get("parameters")]);
    if let Some(body) = operation.get("requestBody") {
        out.push_str("<p>Body:</p>");
        contents(out, body);
    }
    out.push_str("<table>");
    let responses = operation.get("responses").and_then(Value::as_object);
    for (status, response) in responses.into_iter().flatten() {
        let response = resolved(document, response);
        let description = text(response.get("description"));
        push(
            out,
            format_args!("<tr><th>{}</th><td>{description}", escape(status)),
        );
        if status.starts_with('2') {
            contents(out, response);
        }
        out.push_str("</td></tr>");
    }
    out.push_str("</table></details>");
}

fn parameters(out: &mut String, document: &Value, lists: [Option<&Value>; 2]) {
    let all = lists
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    let rows: Vec<&Value> = all.map(|parameter| resolved(document, parameter)).collect();
    if rows.is_empty() {
        return;
    }
    out.push_str("<table>");
    for row in rows {
        let schema = row.get("schema").map(Value::to_string).unwrap_or_default();
        push(
            out,
            format_args!(
                "<tr><th>{}</th><td>{}</td><td><code>{}</code> {}</td></tr>",
                text(row.get("name")),
                text(row.get("in")),
                escape(&schema),
                text(row.get("description")),
            ),
        );
    }
    out.push_str("</table>");
}

/// Media types with their schemas.
fn contents(out: &mut String, of: &Value) {
    let contents = of.get("content").and_then(Value::as_object);
    for (media, content) in contents.into_iter().flatten() {
        let schema = content.get("schema").map(pretty).unwrap_or_default();
        push(
            out,
            format_args!("<p><code>{}</code></p><pre>{schema}</pre>", escape(media)),
        );
    }
}

fn schemas(out: &mut String, document: &Value) {
    out.push_str("<h2>Schemas</h2>");
    let schemas = document
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        push(
            out,
            format_args!(
                "<details><summary><code>{}</code></summary><pre>{}</pre></details>",
                escape(name),
                pretty(schema)
            ),
        );
    }
}

fn pretty(value: &Value) -> String {
    escape(&serde_json::to_string_pretty(value).unwrap_or_default())
}

fn text(value: Option<&Value>) -> String {
    escape(value.and_then(Value::as_str).unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Writing into a text cannot fail.
fn push(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_are_shown_and_nothing_is_taken_for_markup() {
        let document = json!({
            "info": {"title": "<T>", "description": "a & b"},
            "paths": {"/x": {"get": {"summary": "<script>", "tags": ["x"], "responses": {
                "200": {"$ref": "#/components/responses/Fine"},
            }}}},
            "components": {
                "responses": {"Fine": {"description": "\"fine\""}},
                "schemas": {"A": {"type": "object"}},
            },
        });
        let page = page(&document);
        assert!(page.contains("<code>/x</code> &lt;script&gt;"), "{page}");
        assert!(
            page.contains("&quot;fine&quot;") && page.contains("&lt;T&gt;"),
            "{page}"
        );
        assert!(!page.contains("<script"), "{page}");
    }
}
