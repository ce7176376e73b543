//! Who may ask what.

use futures::executor::block_on;

use super::*;

fn ask(method: &str, path: &str) -> Reply {
    let request = Request::new(method, path).with_json("{}");
    block_on(suoke_guest::answer(request, route))
}

#[test]
fn nobody_but_operators_is_answered() {
    for (method, path) in [
        ("POST", "/events"),
        ("GET", "/api/v1/events"),
        ("POST", "/api/v1/events"),
        ("GET", "/api/v1/events/e1"),
        ("POST", "/api/v1/events/replay"),
        ("GET", "/api/v1/events/dead-letters"),
        ("POST", "/api/v1/events/dead-letters/redrive"),
        ("GET", "/api/v1/streams/usage/u1"),
        ("POST", "/api/v1/streams/usage/u1"),
    ] {
        assert_eq!(ask(method, path).status(), 401, "{method} {path}");
    }
}

#[test]
fn other_methods_and_paths_are_refused() {
    for (method, path, status) in [
        ("GET", "/events", 405),
        ("DELETE", "/api/v1/events/e1", 405),
        ("GET", "/api/v1/events/replay", 405),
        ("PUT", "/api/v1/streams/usage/u1", 405),
        ("GET", "/api/v1/events/e1/more", 404),
        ("GET", "/api/v1/streams/usage", 404),
    ] {
        assert_eq!(ask(method, path).status(), status, "{method} {path}");
    }
}
