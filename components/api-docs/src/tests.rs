//! The document tells the truth about the manifest, and both are served.

use futures::executor::block_on;
use serde_json::Value;
use suoke_guest::{Reply, Request};

use super::{DOCUMENT, route};
use crate::merge::operations;

const MANIFEST: &str = include_str!("../../../spin.toml");

fn ask(request: Request) -> Reply {
    block_on(suoke_guest::answer(request, route))
}

/// Component and route of everything that can be reached from outside.
fn routes() -> Vec<(String, String)> {
    let manifest: toml::Table = MANIFEST.parse().unwrap();
    let triggers = manifest["trigger"]["http"].as_array().unwrap();
    triggers
        .iter()
        .filter_map(|trigger| {
            let route = trigger["route"].as_str()?;
            Some((trigger["component"].as_str()?.to_owned(), route.to_owned()))
        })
        .collect()
}

/// Whether a path of the document, such as `/users/{id}`, is served by a route
/// of the manifest, such as `/users/:id` or `/users/...`.
fn is_served_by(path: &str, route: &str) -> bool {
    let mut segments = path.split('/');
    for part in route.split('/') {
        if part == "..." {
            return true;
        }
        let Some(segment) = segments.next() else {
            return false;
        };
        if part != segment && !part.starts_with(':') {
            return false;
        }
    }
    segments.next().is_none()
}

#[test]
fn every_route_is_described_by_its_component_and_nothing_else_is() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let routes = routes();
    let mut problems = Vec::new();
    for (component, route) in &routes {
        let described = operations(&document).iter().any(|(path, _, operation)| {
            operation["x-function"] == component.as_str() && is_served_by(path, route)
        });
        if !described {
            problems.push(format!(
                "components/{component}/openapi.yaml: describe {route}"
            ));
        }
    }
    for (path, method, operation) in operations(&document) {
        let function = operation["x-function"].as_str().unwrap();
        let served = routes
            .iter()
            .any(|(component, route)| component == function && is_served_by(path, route));
        if !served {
            problems.push(format!(
                "spin.toml: no route of {function} serves {method} {path}"
            ));
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn routes_serve_what_they_match() {
    for (path, route, expected) in [
        ("/a/{id}", "/a/:id", true),
        ("/a/b:batch", "/a/:action", true),
        ("/a/{id}/b", "/a/...", true),
        ("/a", "/a/...", true),
        ("/a", "/a/:id", false),
        ("/a/{id}/b", "/a/:id", false),
        ("/a/{id}", "/a/b", false),
    ] {
        assert_eq!(is_served_by(path, route), expected, "{path} {route}");
    }
}

#[test]
fn the_document_and_the_page_are_served_and_asked_for_again_cheaply() {
    for (path, media) in [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
    ] {
        let reply = ask(Request::new("GET", path));
        assert_eq!(reply.header_value("content-type"), Some(media));
        let tag = reply.header_value("etag").unwrap().to_owned();
        let again = ask(Request::new("GET", path).with_header("if-none-match", &tag));
        assert_eq!((again.status(), again.body_bytes()), (304, &b""[..]));
        let other = ask(Request::new("GET", path).with_header("if-none-match", "\"x\""));
        assert_eq!(other.status(), 200);
        assert_eq!(ask(Request::new("POST", path)).status(), 405);
    }
}
