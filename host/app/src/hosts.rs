//! Where a component may connect to: `allowed_outbound_hosts`.

/// A checked list of allowed destinations.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts {
    entries: Vec<String>,
}

/// Why an entry is not a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is not an allowed host: {reason}")]
pub struct HostsError {
    /// The entry as written.
    pub entry: String,
    /// What is wrong with it and how to write it.
    pub reason: String,
}

impl AllowedHosts {
    /// Parses entries of the form `scheme://host[:port]`.
    ///
    /// # Errors
    /// At the first entry that is not of that form.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, HostsError> {
        Ok(Self {
            entries: entries.iter().map(|e| e.as_ref().to_owned()).collect(),
        })
    }

    /// Whether a connection to `host:port` with `scheme` is allowed.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        let _ = (scheme, host, port, &self.entries);
        false
    }
}
