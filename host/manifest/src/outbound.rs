//! `allowed_outbound_hosts`, and `allowed_http_hosts` before it.

use host_app::{AllowedHosts, HostsError, Template};
use host_spanned_toml::{Table, Value};

use crate::Context;

/// The hosts a component may connect to.
#[derive(Default)]
pub(crate) struct Outbound<'d> {
    pub(crate) hosts: Vec<Template>,
    /// Components named as hosts, and where; `*` stands for all.
    pub(crate) chained: Vec<(String, Value<'d>)>,
}

/// Reads the hosts and checks them with the default values of variables.
pub(crate) fn read<'d>(context: &Context<'_>, table: &Table<'d>) -> Outbound<'d> {
    let mut outbound = Outbound::default();
    for value in table.array("allowed_outbound_hosts") {
        let Some(template) = context.template(&value) else {
            continue;
        };
        if let Some(hosts) = check(context, &value, &template) {
            let targets = hosts.chaining_targets();
            let targets: Vec<_> = targets.map(|id| (id.to_owned(), value.clone())).collect();
            outbound.chained.extend(targets);
        }
        outbound.hosts.push(template);
    }
    for (text, value) in table.strings("allowed_http_hosts") {
        outbound.hosts.extend(read_http_host(text, &value));
    }
    outbound
}

/// What the entry allows by default; nothing when that cannot be known.
fn check(context: &Context<'_>, value: &Value<'_>, template: &Template) -> Option<AllowedHosts> {
    let text = context.with_defaults(template)?;
    let error = match AllowedHosts::parse(&[text]) {
        Ok(hosts) => return Some(hosts),
        Err(error) => error,
    };
    let HostsError {
        entry,
        reason,
        mend,
    } = error;
    if template.variables().next().is_none() {
        value.fail(format!("{entry:?} is not an allowed host: {reason}"), mend);
    } else if context.is_secret(template) {
        value.fail(
            "with the default values of its variables it is not an allowed host",
            "mend the entry or the default of the variable",
        );
    } else {
        value.fail(
            format!("with the default values of its variables, {entry:?} is not an allowed host: {reason}"),
            mend,
        );
    }
    None
}

/// An old entry is a host with or without `http://` or `https://`.
fn read_http_host(text: &str, value: &Value<'_>) -> Vec<Template> {
    let text = text.trim();
    let with_schemes = if text.contains("://") || text.contains("allow-all") {
        vec![text.to_owned()]
    } else {
        vec![format!("http://{text}"), format!("https://{text}")]
    };
    if let Err(HostsError { reason, .. }) = AllowedHosts::parse(&with_schemes) {
        value.fail(
            format!("{text:?} is not an allowed host: {reason}"),
            "use allowed_outbound_hosts, with entries such as \"https://example.com\"",
        );
        return Vec::new();
    }
    with_schemes
        .iter()
        .filter_map(|entry| Template::parse(entry).ok())
        .collect()
}
