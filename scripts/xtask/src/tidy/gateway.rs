//! The gateway stands in front of every function that clients may call: the
//! functions believe what it says about callers.

use anyhow::Result;
use toml::Value;

use crate::tree::Tree;

/// The component.
const GATEWAY: &str = "gateway";

/// What it needs of the function behind it.
const VARIABLES: [&str; 4] = [
    "gateway_cors_origins",
    "gateway_limits",
    "gateway_trusted_proxies",
    "redis_url",
];

/// What it must be given of it.
const INHERITED: [&str; 2] = ["allowed_outbound_hosts", "variables"];

pub(crate) fn check(tree: &Tree) -> Result<Vec<String>> {
    let manifest = tree.toml("spin.toml")?;
    let mut found = Vec::new();
    for trigger in triggers(&manifest) {
        found.extend(guarded(trigger));
        let Some(name) = trigger.get("component").and_then(Value::as_str) else {
            continue;
        };
        if let Some(component) = manifest.get("component").and_then(|all| all.get(name)) {
            let folder = format!("components/{name}/src/");
            let sources = tree.files.iter();
            let asks = sources
                .filter(|(path, _)| path.starts_with(&folder))
                .any(|(_, source)| asks_for_operators(source));
            found.extend(equipped(name, component, asks));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The HTTP triggers that clients can reach.
fn triggers(manifest: &toml::Table) -> impl Iterator<Item = &Value> {
    let all = manifest
        .get("trigger")
        .and_then(|triggers| triggers.get("http")?.as_array());
    all.into_iter().flatten().filter(|trigger| {
        let route = trigger.get("route");
        let is_private = route.and_then(|route| route.get("private")?.as_bool());
        is_private != Some(true)
    })
}

/// Whether the gateway is the outermost in front of a trigger, with what it needs.
fn guarded(trigger: &Value) -> Option<String> {
    let outermost = trigger
        .get("dependencies")
        .and_then(|dependencies| dependencies.get("middleware")?.get(0));
    let is_gateway = outermost.and_then(|first| first.get("component")?.as_str()) == Some(GATEWAY);
    let inherited = outermost.and_then(|first| first.get("inherit_configuration"));
    let inherits = |what: &str| match inherited {
        Some(Value::Boolean(all)) => *all,
        Some(Value::Array(some)) => some.iter().any(|name| name.as_str() == Some(what)),
        _ => false,
    };
    if is_gateway && INHERITED.iter().all(|what| inherits(what)) {
        return None;
    }
    let route = trigger.get("route").and_then(Value::as_str);
    let route = route.unwrap_or_default();
    Some(format!(
        "spin.toml: route {route:?} needs the gateway in front: dependencies.middleware = \
         [{{ component = \"gateway\", inherit_configuration = [\"allowed_outbound_hosts\", \
         \"variables\"] }}]"
    ))
}

/// Whether a function has what its gateway needs.
fn equipped(name: &str, component: &Value, asks_for_operators: bool) -> Vec<String> {
    let variables = component.get("variables");
    let text = |variable: &str| variables.and_then(|all| all.get(variable)?.as_str());
    let is_public = text("gateway_policy").is_some_and(|policy| policy.contains("\"public\""));
    let mut needed = VARIABLES.to_vec();
    if !is_public {
        needed.extend(["identity_audience", "identity_issuer"]);
    }
    if asks_for_operators {
        needed.push("operator_token");
    }
    let missing = needed
        .into_iter()
        .filter(|variable| text(variable).is_none());
    let mut found: Vec<String> = missing
        .map(|variable| format!("spin.toml: [component.{name}.variables] needs {variable}"))
        .collect();
    let hosts = component.get("allowed_outbound_hosts");
    let hosts = hosts.and_then(Value::as_array);
    let allows = |host: &str| {
        hosts.is_some_and(|hosts| hosts.iter().any(|known| known.as_str() == Some(host)))
    };
    let authorities = ["auth-keys", "auth-status", "key-status"];
    let needed = authorities.iter().filter(|_| !is_public);
    let needed = needed.map(|name| format!("http://{name}.spin.internal"));
    let needed = needed.chain(["{{ redis_url }}".to_owned()]);
    for host in needed.filter(|host| !allows(host)) {
        found.push(format!(
            "spin.toml: allowed_outbound_hosts of [component.{name}] needs {host:?}"
        ));
    }
    found
}

/// Whether a function serves operators, whom the gateway knows by their secret.
fn asks_for_operators(source: &str) -> bool {
    [" operator(", "::operator(", ".is_admin("]
        .iter()
        .any(|call| source.contains(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[trigger.http]]
        route = "/a"
        component = "a"
        dependencies.middleware = [{ component = "gateway", inherit_configuration = ["allowed_outbound_hosts", "variables"] }]
        [[trigger.http]]
        route = { private = true }
        component = "a"
        [component.a]
        allowed_outbound_hosts = ["http://auth-keys.spin.internal", "http://auth-status.spin.internal", "http://key-status.spin.internal", "{{ redis_url }}"]
        [component.a.variables]
        gateway_cors_origins = "x"
        gateway_limits = "x"
        gateway_trusted_proxies = "x"
        identity_audience = "x"
        identity_issuer = "x"
        redis_url = "x"
    "#;

    fn broken(manifest: &str, source: &str) -> Vec<String> {
        let mut tree = Tree {
            root: std::path::PathBuf::new(),
            files: std::collections::BTreeMap::new(),
        };
        tree.files
            .insert("spin.toml".to_owned(), manifest.to_owned());
        tree.files
            .insert("components/a/src/lib.rs".to_owned(), source.to_owned());
        check(&tree).unwrap()
    }

    #[test]
    fn what_clients_can_call_is_guarded() {
        assert_eq!(broken(GOOD, "caller(&request)?"), Vec::<String>::new());
        for bad in [
            GOOD.replace("component = \"gateway\"", "component = \"log\""),
            GOOD.replace(
                "{ component = \"gateway\"",
                "{ path = \"log.wasm\" }, { component = \"gateway\"",
            ),
            GOOD.replace(", \"variables\"", ""),
            GOOD.replace("dependencies", "#"),
            GOOD.replace("{ private = true }", "\"/b\""),
        ] {
            assert_eq!(broken(&bad, "").len(), 1, "{bad}");
        }
    }

    #[test]
    fn the_gateway_has_what_it_needs() {
        for bad in [
            GOOD.replace("gateway_limits", "limits"),
            GOOD.replace("http://auth-status.", "http://status."),
            GOOD.replace("identity_issuer", "issuer"),
        ] {
            assert_eq!(broken(&bad, "").len(), 1, "{bad}");
        }
        let public = GOOD
            .replace(
                "identity_issuer = \"x\"",
                "gateway_policy = '{\"auth\":\"public\"}'",
            )
            .replace("http://auth-status.", "http://status.");
        assert_eq!(broken(&public, ""), Vec::<String>::new());
    }

    #[test]
    fn functions_for_operators_know_their_secret() {
        for source in ["suoke_identity::operator(&request)?", "who.is_admin()"] {
            assert_eq!(broken(GOOD, source).len(), 1, "{source}");
        }
        let equipped = GOOD.replace("redis_url = ", "operator_token = \"x\"\nredis_url = ");
        assert_eq!(broken(&equipped, "x.is_admin()"), Vec::<String>::new());
    }
}
