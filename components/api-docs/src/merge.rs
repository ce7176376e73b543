//! Makes one OpenAPI document of what all functions share and each function's
//! own fragment. Runs when the component is built; here it is tested.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What a fragment may hold besides `paths`.
const SECTIONS: [&str; 5] = ["schemas", "responses", "parameters", "headers", "examples"];

/// The operations of a path.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// YAML as JSON: keys become text, because `200:` is a number in YAML.
///
/// # Errors
/// Where the text is not YAML, or a key is neither text nor a number.
pub(crate) fn yaml(text: &str) -> Result<Value, String> {
    let value: serde_norway::Value =
        serde_norway::from_str(text).map_err(|error| error.to_string())?;
    plain(value)
}

fn plain(value: serde_norway::Value) -> Result<Value, String> {
    use serde_norway::Value as Yaml;
    Ok(match value {
        Yaml::Sequence(items) => {
            let items: Result<Vec<Value>, String> = items.into_iter().map(plain).collect();
            Value::Array(items?)
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                object.insert(key_text(&key)?, plain(value)?);
            }
            Value::Object(object)
        }
        other => serde_json::to_value(other).map_err(|error| error.to_string())?,
    })
}

fn key_text(key: &serde_norway::Value) -> Result<String, String> {
    match key {
        serde_norway::Value::String(text) => Ok(text.clone()),
        serde_norway::Value::Number(number) => Ok(number.to_string()),
        _ => Err("keys must be text or numbers".to_owned()),
    }
}

/// The whole document. `fragments` are names of components with what they
/// describe, in the order in which they shall appear.
///
/// # Errors
/// Everything that is wrong, a line each, with the component and the mend.
pub(crate) fn merge(mut document: Value, fragments: &[(String, Value)]) -> Result<Value, String> {
    let mut problems = Vec::new();
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for (name, fragment) in fragments {
        let before = paths.len();
        merge_paths(&mut paths, name, fragment, &mut problems);
        merge_sections(&mut document, name, fragment, &mut problems);
        if paths.len() > before {
            tags.push(json!({ "name": name }));
        }
    }
    if let Some(object) = document.as_object_mut() {
        object.insert("paths".to_owned(), Value::Object(paths));
        object.insert("tags".to_owned(), Value::Array(tags));
    }
    for (path, method, operation) in operations(&document) {
        check_operation(&document, operation, method, path, &mut problems);
    }
    check_references(&document, &document, &mut problems);
    check_operation_ids(&document, &mut problems);
    if problems.is_empty() {
        Ok(document)
    } else {
        Err(problems.join("\n"))
    }
}

/// Every operation of the document: path, method, operation.
pub(crate) fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object);
    let items = paths.into_iter().flatten();
    items
        .flat_map(|(path, item)| {
            let item = item.as_object().into_iter().flatten();
            item.filter(|(method, _)| METHODS.contains(&method.as_str()))
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

fn merge_paths(
    paths: &mut Map<String, Value>,
    name: &str,
    fragment: &Value,
    problems: &mut Vec<String>,
) {
    let found = fragment.get("paths").and_then(Value::as_object);
    for (path, item) in found.into_iter().flatten() {
        if paths.contains_key(path) {
            problems.push(format!("{name}: {path} is described by two components"));
        }
        let mut item = item.clone();
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                complete(operation, name, method, path);
            } else if method != "parameters" {
                problems.push(format!("{name}: {path}: {method} is no method"));
            }
        }
        paths.insert(path.clone(), item);
    }
}

/// Adds what is the same for every operation: who has it, its id, and the
/// answers that the gateway, the host and the request's reader may give.
fn complete(operation: &mut Value, name: &str, method: &str, path: &str) {
    let has_body = operation.get("requestBody").is_some();
    let is_public = operation
        .get("security")
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty);
    let Some(object) = operation.as_object_mut() else {
        return;
    };
    object.insert("x-function".to_owned(), json!(name));
    object.entry("tags").or_insert_with(|| json!([name]));
    object
        .entry("operationId")
        .or_insert_with(|| json!(operation_id(method, path)));
    let responses = object.entry("responses").or_insert_with(|| json!({}));
    let mut add = |status: &str| {
        if let Some(responses) = responses.as_object_mut() {
            let reference = format!("#/components/responses/Problem{status}");
            responses
                .entry(status)
                .or_insert_with(|| json!({ "$ref": reference }));
        }
    };
    for status in ["400", "429", "503", "504"] {
        add(status);
    }
    if has_body {
        add("413");
        add("415");
    }
    if path.contains('{') {
        add("404");
    }
    if !is_public {
        add("401");
    }
}

/// `get` and `/api/v1/users/{id}` make `get_v1_users_id`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let mut id = method.to_owned();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

fn check_operation(
    document: &Value,
    operation: &Value,
    method: &str,
    path: &str,
    problems: &mut Vec<String>,
) {
    let name = operation.get("x-function").and_then(Value::as_str);
    let place = format!("{}: {method} {path}", name.unwrap_or_default());
    if operation.get("summary").and_then(Value::as_str).is_none() {
        problems.push(format!("{place}: give it a summary"));
    }
    let responses = operation.get("responses").and_then(Value::as_object);
    let mut statuses = responses.into_iter().flatten().map(|(status, _)| status);
    if !statuses.any(|status| status.starts_with(['2', '3'])) {
        problems.push(format!("{place}: say what it answers when all is well"));
    }
    let paths = document.get("paths");
    let shared = paths.and_then(|paths| paths.get(path)?.get("parameters"));
    let given: BTreeSet<&str> = [shared, operation.get("parameters")]
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten()
        .map(|parameter| resolved(document, parameter))
        .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("path"))
        .filter_map(|parameter| parameter.get("name")?.as_str())
        .collect();
    let needed: BTreeSet<&str> = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect();
    for missing in needed.difference(&given) {
        problems.push(format!(
            "{place}: describe the path's {missing:?} under parameters"
        ));
    }
    for odd in given.difference(&needed) {
        problems.push(format!("{place}: the path has no {odd:?}"));
    }
}

fn merge_sections(document: &mut Value, name: &str, fragment: &Value, problems: &mut Vec<String>) {
    for key in fragment
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        if key != "paths" && key != "components" {
            problems.push(format!(
                "{name}: {key} is not for fragments, only paths and components are"
            ));
        }
    }
    let sections = fragment.get("components").and_then(Value::as_object);
    for (section, entries) in sections.into_iter().flatten() {
        if !SECTIONS.contains(&section.as_str()) {
            problems.push(format!("{name}: components.{section} is not for fragments"));
            continue;
        }
        let known = document
            .get_mut("components")
            .and_then(Value::as_object_mut)
            .map(|components| components.entry(section).or_insert_with(|| json!({})))
            .and_then(Value::as_object_mut);
        let (Some(known), Some(entries)) = (known, entries.as_object()) else {
            problems.push(format!("{name}: components.{section} must be an object"));
            continue;
        };
        for (entry, value) in entries {
            if known.insert(entry.clone(), value.clone()).is_some() {
                problems.push(format!(
                    "{name}: components.{section}.{entry} is there already; use another name"
                ));
            }
        }
    }
}

/// What a `$ref` leads to, or the value itself.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str);
    let found = target.and_then(|target| document.pointer(target.strip_prefix('#')?));
    found.unwrap_or(value)
}

/// Every `$ref` leads somewhere inside the document.
fn check_references(document: &Value, part: &Value, problems: &mut Vec<String>) {
    match part {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value.as_str() {
                    Some(target) if key == "$ref" => {
                        let found = target
                            .strip_prefix('#')
                            .and_then(|path| document.pointer(path));
                        if found.is_none() {
                            problems.push(format!("there is no {target}"));
                        }
                    }
                    _ => check_references(document, value, problems),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                check_references(document, item, problems);
            }
        }
        _ => {}
    }
}

fn check_operation_ids(document: &Value, problems: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let id = operation.get("operationId").and_then(Value::as_str);
        if !seen.insert(id) {
            problems.push(format!("{method} {path}: the operationId is not unique"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "
components:
  schemas: {Problem: {type: object}}
  responses:
    Problem400: {description: a}
    Problem401: {description: a}
    Problem404: {description: a}
    Problem413: {description: a}
    Problem415: {description: a}
    Problem429: {description: a}
    Problem503: {description: a}
    Problem504: {description: a}
";

    const GREETING: &str = "
paths:
  /api/v1/greetings/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get:
      summary: Greets
      security: []
      responses:
        200: {description: A greeting}
";

    fn merged(texts: &[(&str, &str)]) -> Result<Value, String> {
        let fragments: Vec<(String, Value)> = texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), yaml(text).unwrap()))
            .collect();
        merge(yaml(BASE).unwrap(), &fragments)
    }

    #[test]
    fn shared_answers_and_names_are_added() {
        let document = merged(&[("greeting", GREETING)]).unwrap();
        let [(path, method, operation)] = operations(&document)[..] else {
            panic!("one operation");
        };
        assert_eq!((path, method), ("/api/v1/greetings/{id}", "get"));
        assert_eq!(operation["operationId"], "get_v1_greetings_id");
        assert_eq!(operation["x-function"], "greeting");
        let answers: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert_eq!(answers, ["200", "400", "404", "429", "503", "504"]);
    }

    #[test]
    fn callers_are_known_and_bodies_bounded_unless_said_otherwise() {
        let text = GREETING.replace("security: []", "requestBody: {content: {}}");
        let document = merged(&[("greeting", &text)]).unwrap();
        let responses = operations(&document)[0].2["responses"].as_object().unwrap();
        for status in ["401", "413", "415"] {
            assert!(responses.contains_key(status), "{status}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_component() {
        for (text, expected) in [
            (
                GREETING.replace("summary: Greets", "summary: 7"),
                "give it a summary",
            ),
            (GREETING.replace("200:", "400:"), "when all is well"),
            (
                GREETING.replace("name: id", "name: user"),
                "describe the path's \"id\"",
            ),
            (GREETING.replace("get:", "fetch:"), "fetch is no method"),
            (
                format!("{GREETING}info: {{}}\n"),
                "info is not for fragments",
            ),
            (
                format!("{GREETING}components: {{schemas: {{Problem: {{}}}}}}\n"),
                "components.schemas.Problem is there already",
            ),
            (
                GREETING.replace(
                    "description: A greeting",
                    "$ref: '#/components/responses/No'",
                ),
                "there is no #/components/responses/No",
            ),
        ] {
            let error = merged(&[("greeting", &text)]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = merged(&[("a", GREETING), ("b", GREETING)]).unwrap_err();
        assert!(
            error.contains("b: /api/v1/greetings/{id} is described by two"),
            "{error}"
        );
    }

    #[test]
    fn odd_yaml_is_refused() {
        assert!(yaml("a: [").is_err());
        assert!(yaml("[1]: 2").is_err());
        assert_eq!(yaml("200: 1").unwrap(), json!({ "200": 1 }));
    }
}
