//! Where a component may connect to: `allowed_outbound_hosts`.
//!
//! An entry is `scheme://host[:port]`. Everything not listed is refused, and
//! every decision is made on text alone: names are not looked up here.

mod entry;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::Component;
use entry::Entry;

/// The domain of calls from one component to another.
const CHAINING_DOMAIN: &str = "spin.internal";

/// A checked list of allowed destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    entries: Vec<Entry>,
}

/// Why an entry is not a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is not an allowed host: {reason}; {mend}")]
pub struct HostsError {
    /// The entry as written.
    pub entry: String,
    /// What is wrong with it.
    pub reason: String,
    /// How to write it.
    pub mend: String,
}

impl AllowedHosts {
    /// Parses entries of the form `scheme://host[:port]`.
    ///
    /// Entries that are empty, `http://` or `https://` allow nothing: they are
    /// what a template leaves behind when its variable is empty.
    ///
    /// # Errors
    /// At the first entry that is not of that form.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, HostsError> {
        let entries = entries
            .iter()
            .map(|entry| entry.as_ref().trim())
            .filter(|entry| !matches!(*entry, "" | "http://" | "https://"))
            .map(Entry::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// What the entries of a component allow; `variable` gives the values of
    /// application variables in them.
    ///
    /// # Errors
    /// A text naming the first entry that has no value or is no destination.
    pub fn of(
        component: &Component,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let entries = component
            .allowed_outbound_hosts
            .iter()
            .map(|template| template.resolve(&variable))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("allowed_outbound_hosts: {error}"))?;
        Self::parse(&entries).map_err(|error| format!("allowed_outbound_hosts: {error}"))
    }

    /// Whether a connection to `host:port` with `scheme` is allowed.
    ///
    /// `host` is a domain or an address, IPv6 with or without its brackets.
    /// Calls to the application itself and to its components have their own
    /// questions: [`Self::allows_self`] and [`Self::allows_chaining`].
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        let target = Target::new(host);
        self.entries.iter().any(|entry| {
            entry.scheme.allows(scheme) && entry.host.allows(&target) && entry.port.allows(port)
        })
    }

    /// Whether a connection is allowed by an entry that names its host, its
    /// address or its network, not only by a wildcard.
    ///
    /// Such an entry may lead into a private network; a wildcard may not.
    pub fn names(&self, scheme: &str, host: &str, port: u16) -> bool {
        let target = Target::new(host);
        self.entries.iter().any(|entry| {
            entry.host.is_named()
                && entry.scheme.allows(scheme)
                && entry.host.allows(&target)
                && entry.port.allows(port)
        })
    }

    /// Whether the application may be called through its own listener.
    pub fn allows_self(&self, scheme: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.scheme.allows(scheme) && entry.host.allows_self())
    }

    /// Whether `http://<component_id>.spin.internal` may be called.
    ///
    /// Such a call opens no connection, so its port does not matter.
    pub fn allows_chaining(&self, component_id: &str) -> bool {
        let target = Target::Domain(format!("{component_id}.{CHAINING_DOMAIN}").to_lowercase());
        self.entries
            .iter()
            .any(|entry| entry.scheme.allows("http") && entry.host.allows(&target))
    }

    /// The components named as `<component>.spin.internal`; `*` stands for all.
    pub fn chaining_targets(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter_map(|entry| entry.host.chaining_target())
    }

    /// Every entry in one way of writing: lower case, with its port.
    pub fn canonical(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(Entry::to_string)
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The host of a connection.
enum Target {
    Address(IpAddr),
    Domain(String),
}

impl Target {
    fn new(host: &str) -> Self {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        match bare.parse::<IpAddr>() {
            // `::ffff:10.0.0.1` connects to 10.0.0.1, so it is judged as that.
            Ok(address) => Self::Address(address.to_canonical()),
            Err(_) => Self::Domain(host.to_ascii_lowercase()),
        }
    }
}
