//! The head of a request from outside.

use std::net::{IpAddr, Ipv4Addr};

use spin_sdk::wasip3::http::types::Request;
use suoke_gateway::client::{self, TrustedProxies};
use suoke_guest::trace;
use suoke_guest::wasi::method_name;

/// Whom Spin and Suoke name as the peer of a request from another component: no
/// connection has this address.
const ANOTHER_COMPONENT: &str = "0.0.0.0:0";

/// What a request came with, its body aside.
pub(crate) struct Incoming {
    /// The method.
    pub(crate) method: String,
    /// The path with the query.
    pub(crate) target: String,
    /// Every header, names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The id of the request: the caller's if it is well-formed.
    pub(crate) id: String,
    /// The function's route: its name among circuits, limits and kept answers.
    pub(crate) route: String,
    /// Who is connected.
    peer: IpAddr,
}

impl Incoming {
    /// Reads the head; nothing for a request from inside the application. The
    /// host names the peer of every request, and lets nobody else name one.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let mut headers = request.get_headers().copy_all();
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        let text = |wanted: &str| {
            let found = headers.iter().rev().find(|(name, _)| name == wanted);
            found.and_then(|(_, value)| std::str::from_utf8(value).ok())
        };
        let peer = text("spin-client-addr").unwrap_or_default();
        if peer == ANOTHER_COMPONENT {
            return None;
        }
        // An address that cannot be read is nobody's, and is limited as one.
        let peer = client::address(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Some(Self {
            method: method_name(request.get_method()).into_owned(),
            target: request.get_path_with_query().unwrap_or_default(),
            id: trace::request_id(text("x-request-id")),
            route: text("spin-raw-component-route")
                .unwrap_or_default()
                .to_owned(),
            peer,
            headers,
        })
    }

    /// The first header of this lower-case name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Every header of this lower-case name.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        let found = self.headers.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_slice()).collect()
    }

    /// The path without the query, which may hold secrets.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether the peer's word about its client counts.
    pub(crate) fn is_peer_trusted(&self, trusted: &TrustedProxies) -> bool {
        trusted.contains(self.peer)
    }

    /// The client.
    pub(crate) fn client(&self, trusted: &TrustedProxies) -> IpAddr {
        let named = self.all("x-forwarded-for");
        // What is no text names nobody, and ends the list from there on.
        let named: Vec<&str> = named
            .into_iter()
            .map(|value| std::str::from_utf8(value).unwrap_or("?"))
            .collect();
        trusted.client(self.peer, &named)
    }
}
