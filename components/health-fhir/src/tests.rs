//! Who may read and write what, and what an address answers, before any store.

use futures::executor::block_on;
use suoke_guest::answer;

use super::*;

mod store;

const USER: &str = "018f0000-0000-7000-8000-000000000001";
const OTHER: &str = "018f0000-0000-7000-8000-000000000002";

fn asked(method: &str, target: &str) -> Request {
    let request = Request::new(method, target)
        .with_header("x-user-id", USER)
        .with_header("x-user-roles", "user")
        .with_header("x-token-expires-at", "1900000000")
        .with_header("x-auth-method", "jwt");
    if method == "POST" || method == "PUT" {
        request.with_json("{}")
    } else {
        request
    }
}

fn told(request: Request) -> (u16, Value) {
    let reply = block_on(answer(request, route));
    assert_eq!(
        reply.header_value("content-type"),
        Some("application/fhir+json")
    );
    (
        reply.status(),
        serde_json::from_slice(reply.body_bytes()).unwrap(),
    )
}

#[test]
fn everybody_reads_what_the_server_does() {
    let (status, statement) = told(Request::new("GET", "/fhir/metadata"));
    assert_eq!(
        (status, &statement["resourceType"]),
        (200, &"CapabilityStatement".into())
    );
}

#[test]
fn what_is_wrong_is_an_outcome() {
    for (request, status, code) in [
        (Request::new("GET", "/fhir/Observation"), 401, "login"),
        (asked("GET", "/fhir/Nothing"), 404, "not-found"),
        (asked("GET", "/fhir"), 405, "not-supported"),
        (asked("PATCH", "/fhir/Observation/1"), 405, "not-supported"),
        (asked("DELETE", "/fhir/Patient/1"), 405, "not-supported"),
        (
            asked("GET", "/fhir/metadata?_format=xml"),
            406,
            "not-supported",
        ),
        (
            asked("GET", "/fhir/metadata").with_header("accept", "application/fhir+xml"),
            406,
            "not-supported",
        ),
        (
            Request::new("POST", "/fhir")
                .with_form("a=b")
                .with_header("x-user-id", USER),
            401,
            "login",
        ),
    ] {
        let (found, outcome) = told(request);
        assert_eq!(found, status, "{outcome}");
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert_eq!(outcome["issue"][0]["code"], code, "{outcome}");
    }
}

#[test]
fn bodies_are_json_of_resources() {
    let form = |method: &str, target: &str| {
        Request::new(method, target)
            .with_form("a=b")
            .with_header("x-user-id", USER)
            .with_header("x-token-expires-at", "1900000000")
            .with_header("x-auth-method", "jwt")
    };
    assert_eq!(told(form("POST", "/fhir/Observation")).0, 415);
    let deep = format!("{{\"a\":{}", "[".repeat(50));
    let mut request = asked("PUT", "/fhir/Observation/1");
    request = request.with_json(&deep);
    let (status, outcome) = told(request);
    assert_eq!(
        (status, &outcome["issue"][0]["code"]),
        (400, &"structure".into())
    );
    let large = " ".repeat(bundles::BODY_BYTES_MAX + 1);
    assert_eq!(told(asked("POST", "/fhir").with_json(&large)).0, 413);
}

#[test]
fn only_operators_name_somebody_else() {
    let desk = |roles: &str, user: &str| Desk {
        who: suoke_identity::caller(
            &Request::new("GET", "/")
                .with_header("x-user-id", user)
                .with_header("x-user-roles", roles)
                .with_header("x-token-expires-at", "1900000000")
                .with_header(
                    "x-auth-method",
                    if user == "operator" {
                        "operator"
                    } else {
                        "jwt"
                    },
                ),
        )
        .unwrap(),
        address: Address {
            base: "http://h/fhir".to_owned(),
        },
        now_ms: 0,
        others: RefCell::default(),
    };
    let subject = |roles: &str, user: &str, named: Option<&str>| {
        let subject = read::subject(&desk(roles, user), named);
        subject.map_err(|failed| failed.status)
    };
    assert_eq!(subject("user", USER, None), Ok(USER.to_owned()));
    assert_eq!(subject("user", USER, Some(USER)), Ok(USER.to_owned()));
    assert_eq!(subject("user", USER, Some(OTHER)), Err(403));
    assert_eq!(subject("admin", USER, Some(OTHER)), Ok(OTHER.to_owned()));
    assert_eq!(subject("operator", "operator", None), Err(400));
}

#[test]
fn conditions_are_identifiers() {
    let read = |text: &str| write::condition(text).map_err(|failed| failed.status);
    let pair = |system: &str, value: &str| Ok((system.to_owned(), value.to_owned()));
    assert_eq!(read("identifier=urn:x|1|2"), pair("urn:x", "1|2"));
    assert_eq!(read("?identifier=|1"), pair("", "1"));
    for text in [
        "",
        "code=1",
        "identifier=",
        "identifier=1",
        "identifier=urn:x|",
        "identifier=urn:x|1&code=2",
    ] {
        assert_eq!(read(text), Err(400), "{text}");
    }
}
