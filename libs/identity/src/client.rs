//! From where somebody asks: what is shown with a session, and what tells whether
//! a repeated request is of the same client.

use sha2::{Digest, Sha256};
use suoke_guest::Request;

use crate::clients::Authenticated;

/// How much of a user agent is kept, in characters.
const USER_AGENT_CHARS_MAX: usize = 256;

/// How long the text of an address may be: IPv6 with a zone.
const IP_SIZE_BYTES_MAX: usize = 64;

/// The client of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address, which the gateway notes in `x-client-ip`.
    pub ip: Option<String>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// Its id, where it has been added by an operator and has shown its secret.
    pub registered_id: Option<String>,
}

impl Client {
    /// The client of this request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let ip = request.header("x-client-ip").map(str::trim);
        let ip = ip.filter(|ip| !ip.is_empty() && ip.len() <= IP_SIZE_BYTES_MAX);
        let agent = request
            .header("user-agent")
            .map(str::trim)
            .unwrap_or_default();
        let agent: String = agent
            .chars()
            .filter(|letter| !letter.is_control())
            .take(USER_AGENT_CHARS_MAX)
            .collect();
        Self {
            ip: ip.map(str::to_owned),
            user_agent: (!agent.is_empty()).then_some(agent),
            registered_id: None,
        }
    }

    /// The same client, which has shown its secret, or has none.
    #[must_use]
    pub fn shown_as(self, registered: Option<&Authenticated>) -> Self {
        let registered_id = registered.map(|client| client.id().to_owned());
        Self {
            registered_id,
            ..self
        }
    }

    /// The same for requests of the same client.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.ip.as_deref().unwrap_or_default());
        hash.update([0]);
        hash.update(self.user_agent.as_deref().unwrap_or_default());
        hash.finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(ip: &str, agent: &str) -> Client {
        let request = Request::new("POST", "/").with_header("x-client-ip", ip);
        Client::of(&request.with_header("user-agent", agent))
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let kept = client(" 192.0.2.7 ", &"x".repeat(1000));
        assert_eq!(kept.ip.as_deref(), Some("192.0.2.7"));
        assert_eq!(kept.user_agent.unwrap().len(), 256);
        assert_eq!(client(&"1".repeat(65), ""), Client::default());
    }

    #[test]
    fn address_and_agent_make_the_client() {
        assert_eq!(client("1", "a").hash(), client("1", "a").hash());
        assert_ne!(client("1", "a").hash(), client("2", "a").hash());
        assert_ne!(client("1", "a").hash(), client("1", "b").hash());
    }
}
