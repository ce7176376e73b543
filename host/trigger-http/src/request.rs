//! What a component sees of a request.

use bytes::Bytes;
use host_app::{Failure, FailureKind};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};

const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// The client of a request that another component sends: no connection has this
/// address.
const ANOTHER_COMPONENT: HeaderValue = HeaderValue::from_static("0.0.0.0:0");

/// Where other components of the application are reached.
const INTERNAL_SUFFIX: &str = ".spin.internal";

/// The headers of a route that are the same for every request.
#[derive(Clone, Debug)]
pub(crate) struct RouteHeaders {
    raw: HeaderValue,
    trimmed: HeaderValue,
}

impl RouteHeaders {
    /// The headers of a route as written in the manifest.
    pub(crate) fn new(route: &str) -> Result<Self, header::InvalidHeaderValue> {
        let trimmed = route.strip_suffix("/...").unwrap_or(route);
        Ok(Self {
            raw: HeaderValue::from_str(route)?,
            trimmed: HeaderValue::from_str(trimmed)?,
        })
    }
}

/// What matching a request to a route found.
pub(crate) struct Matched<'a> {
    pub(crate) route: &'a RouteHeaders,
    pub(crate) parameters: &'a [(&'a str, &'a str)],
    pub(crate) path_info: &'a str,
}

/// Rewrites the head of a request for the component: an absolute URI, the
/// host's `spin-*` headers, and none of the client's own. Without an address of
/// the client the request is from another component of the application.
pub(crate) fn rewrite(
    parts: &mut request::Parts,
    scheme: &Scheme,
    client: Option<&HeaderValue>,
    matched: &Matched<'_>,
) -> Result<(), Failure> {
    let authority = authority(parts)?;
    let path = path_and_query(&parts.uri);
    let full_url = header_value(format!("{scheme}://{authority}{path}"))?;
    let path_info = header_value(matched.path_info.to_owned())?;
    let headers = &mut parts.headers;
    remove_reserved(headers);
    headers.insert(FULL_URL, full_url);
    headers.insert(PATH_INFO, path_info);
    headers.insert(MATCHED_ROUTE, matched.route.raw.clone());
    headers.insert(RAW_COMPONENT_ROUTE, matched.route.raw.clone());
    headers.insert(COMPONENT_ROUTE, matched.route.trimmed.clone());
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    let client = client.cloned();
    headers.insert(CLIENT_ADDR, client.unwrap_or(ANOTHER_COMPONENT));
    for (name, value) in matched.parameters {
        let name = format!(
            "spin-path-match-{}",
            name.to_ascii_lowercase().replace('_', "-")
        );
        let name = HeaderName::try_from(name).map_err(bad_input)?;
        headers.insert(name, header_value((*value).to_owned())?);
    }
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(scheme.clone());
    uri.authority = Some(authority);
    uri.path_and_query = Some(path);
    parts.uri = Uri::from_parts(uri).map_err(bad_input)?;
    Ok(())
}

/// The component that a request to `<id>.spin.internal` is for.
pub fn chained_component(uri: &Uri) -> Option<&str> {
    uri.host()?.strip_suffix(INTERNAL_SUFFIX)
}

fn authority(parts: &request::Parts) -> Result<Authority, Failure> {
    let named = match (parts.headers.get(header::HOST), parts.uri.authority()) {
        (Some(host), None) => Authority::try_from(host.as_bytes()).map_err(bad_input)?,
        (_, Some(authority)) => authority.clone(),
        (None, None) => {
            return Err(Failure::new(
                FailureKind::BadInput,
                "no host header in the request",
            ));
        }
    };
    Ok(named)
}

fn path_and_query(uri: &Uri) -> PathAndQuery {
    uri.path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"))
}

/// Removes what a client may not say about itself, and what ends with this hop.
fn remove_reserved(headers: &mut HeaderMap) {
    let reserved: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("spin-"))
        .cloned()
        .collect();
    for name in reserved {
        headers.remove(name);
    }
    headers.remove(header::CONNECTION);
}

fn header_value(text: String) -> Result<HeaderValue, Failure> {
    HeaderValue::from_maybe_shared(Bytes::from(text)).map_err(bad_input)
}

fn bad_input(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::BadInput, error.to_string())
}

/// A request without a body, for tests of the head.
#[cfg(test)]
fn head(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = http::Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
        let mut parts = head(uri, headers);
        rewrite(
            &mut parts,
            &Scheme::HTTP,
            Some(&HeaderValue::from_static("127.0.0.1:5555")),
            &Matched {
                route: &RouteHeaders::new("/base/:seg/...").unwrap(),
                parameters: &[("User_Id", "x")],
                path_info: "/y/z",
            },
        )
        .unwrap();
        parts
    }

    #[test]
    fn the_host_describes_the_request_in_spin_headers() {
        let parts = rewritten("/base/x/y/z?q=1", &[("host", "h:80")]);
        let header = |name: &str| parts.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(header("spin-full-url"), "http://h:80/base/x/y/z?q=1");
        assert_eq!(header("spin-path-info"), "/y/z");
        assert_eq!(header("spin-matched-route"), "/base/:seg/...");
        assert_eq!(header("spin-raw-component-route"), "/base/:seg/...");
        assert_eq!(header("spin-component-route"), "/base/:seg");
        assert_eq!(header("spin-base-path"), "/");
        assert_eq!(header("spin-client-addr"), "127.0.0.1:5555");
        assert_eq!(header("spin-path-match-user-id"), "x");
        assert_eq!(parts.uri, "http://h:80/base/x/y/z?q=1");
    }

    #[test]
    fn a_client_cannot_speak_for_the_host() {
        let parts = rewritten(
            "/base/x/y/z",
            &[
                ("host", "h"),
                ("spin-client-addr", "1.2.3.4:1"),
                ("Spin-Other", "x"),
            ],
        );
        let values: Vec<_> = parts.headers.get_all("spin-client-addr").iter().collect();
        assert_eq!(values, ["127.0.0.1:5555"]);
        assert!(!parts.headers.contains_key("spin-other"));
    }

    #[test]
    fn another_component_has_the_address_of_nobody_and_cannot_claim_one() {
        let mut parts = head(
            "http://cart.spin.internal/",
            &[("spin-client-addr", "1.2.3.4:1")],
        );
        rewrite(
            &mut parts,
            &Scheme::HTTP,
            None,
            &Matched {
                route: &RouteHeaders::new("/...").unwrap(),
                parameters: &[],
                path_info: "/",
            },
        )
        .unwrap();
        let addresses: Vec<_> = parts.headers.get_all("spin-client-addr").iter().collect();
        assert_eq!(addresses, ["0.0.0.0:0"]);
        assert_eq!(parts.headers.get("spin-path-info").unwrap(), "/");
    }

    #[test]
    fn a_request_without_a_host_is_refused() {
        let mut parts = head("/", &[]);
        let failure = rewrite(
            &mut parts,
            &Scheme::HTTP,
            None,
            &Matched {
                route: &RouteHeaders::new("/").unwrap(),
                parameters: &[],
                path_info: "",
            },
        )
        .unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadInput);
    }
}
