//! Where this server is, and what of it an address names.

use form_urlencoded::Serializer;
use percent_encoding::percent_decode_str;
use suoke_fhir::outcome::IssueType;
use suoke_guest::{Request, variables};

use crate::failed::Failed;

/// Below which path all of it lies.
const ROOT: &str = "/fhir";
/// Where nobody says otherwise.
const HERE: &str = "http://localhost";
/// Most segments of a path.
const SEGMENTS_MAX: usize = 8;

/// The address of this server, as the caller reaches it.
pub struct Address {
    /// Such as `https://suoke.example/fhir`.
    pub base: String,
}

impl Address {
    /// The host that the caller named, by the scheme of the address that operators
    /// set: behind a proxy that ends TLS only they know it.
    pub async fn of(request: &Request) -> Self {
        let issuer = variables::get("identity_issuer").await.unwrap_or_default();
        Self::from(request, &issuer)
    }

    fn from(request: &Request, issuer: &str) -> Self {
        // The host appends its own: the last one counts.
        let full = request
            .headers()
            .filter(|(name, _)| *name == "spin-full-url")
            .last();
        let full = full.and_then(|(_, value)| std::str::from_utf8(value).ok());
        let authority = full.and_then(authority).filter(|text| is_authority(text));
        let base = match authority {
            Some(authority) => {
                let scheme = if issuer.starts_with("https://") {
                    "https"
                } else {
                    "http"
                };
                format!("{scheme}://{authority}{ROOT}")
            }
            None if issuer.starts_with("http") => format!("{}{ROOT}", issuer.trim_end_matches('/')),
            None => format!("{HERE}{ROOT}"),
        };
        Self { base }
    }

    /// The address of a resource.
    pub fn of_resource(&self, kind: &str, id: &str) -> String {
        format!("{}/{kind}/{id}", self.base)
    }

    /// The address of a search with these parameters.
    pub fn of_search(&self, path: &str, pairs: &[(String, String)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(pairs);
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{path}{mark}{query}", self.base)
    }
}

fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?']).next()
}

fn is_authority(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    !text.is_empty() && text.bytes().all(is_plain)
}

/// The segments below the root, decoded.
pub fn segments(path: &str) -> Result<Vec<String>, Failed> {
    let below = path.strip_prefix(ROOT).unwrap_or(path);
    let decoded = below
        .split('/')
        .filter(|segment| !segment.is_empty())
        .take(SEGMENTS_MAX)
        .map(|segment| {
            let text = percent_decode_str(segment).decode_utf8();
            text.map(|text| text.into_owned())
                .map_err(|_| Failed::new(404, IssueType::NotFound, "", "the address is no text"))
        });
    decoded.collect()
}

/// The parameters of a query.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// A media type without its parameters.
pub fn media_type(header: &str) -> String {
    header
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(full: &str, issuer: &str) -> String {
        let request = Request::new("GET", "/fhir/metadata").with_header("spin-full-url", full);
        Address::from(&request, issuer).base
    }

    #[test]
    fn the_address_is_the_one_the_caller_reached() {
        assert_eq!(
            base("http://h:80/fhir/metadata", "http://127.0.0.1:3000"),
            "http://h:80/fhir"
        );
        assert_eq!(
            base("http://life.example/fhir?x", "https://life.example"),
            "https://life.example/fhir"
        );
        assert_eq!(
            base("http://a<b/fhir", "https://life.example/"),
            "https://life.example/fhir"
        );
        assert_eq!(base("nonsense", ""), "http://localhost/fhir");
    }

    #[test]
    fn segments_are_decoded() {
        assert_eq!(segments("/fhir").unwrap(), Vec::<String>::new());
        assert_eq!(
            segments("/fhir/Patient/u/%24everything").unwrap(),
            ["Patient", "u", "$everything"]
        );
        assert!(segments("/fhir/%FF").is_err());
    }
}
