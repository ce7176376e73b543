//! Which headers go in and out.

use suoke_identity::caller::headers::ALL;
use suoke_identity::{AuthMethod, Identity};

/// What says who asks and where from, and must not come from outside.
#[must_use]
pub fn is_identity(name: &str) -> bool {
    ALL.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What proxies say about clients; it is removed unless the proxy is trusted.
#[must_use]
pub fn is_forwarding(name: &str) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the function sees a header that a client sent: nothing of what only the
/// gateway may say, no credential that was for the gateway alone (`hides_credential`),
/// and nothing about other clients unless the peer is a proxy that may speak of them
/// (`is_peer_trusted`).
#[must_use]
pub fn is_passed_on(name: &str, hides_credential: bool, is_peer_trusted: bool) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let is_ours = is_identity(name)
        || is("x-request-id")
        || (is("authorization") && hides_credential)
        || (is_forwarding(name) && !is_peer_trusted);
    !is_ours
}

/// What the function is told about its caller.
#[must_use]
pub fn of_identity(identity: &Identity) -> Vec<(&'static str, String)> {
    use suoke_identity::caller::headers as names;
    let mut headers = vec![
        (names::USER_ID, identity.user_id.clone()),
        (names::USER_ROLES, identity.roles.join(",")),
        (names::SCOPES, identity.scopes.join(" ")),
        (names::TOKEN_ID, identity.token_id.clone()),
        (names::TOKEN_EXPIRES_AT, identity.expires_at.to_string()),
        (names::AUTH_METHOD, identity.method.as_str().to_owned()),
    ];
    if let Some(session_id) = &identity.session_id {
        headers.push((names::SESSION_ID, session_id.clone()));
    }
    headers
}

/// What a caller may do, as one text that is the same for the same rights: how
/// it was recognised, its roles and its scopes.
#[must_use]
pub fn rights(identity: &Identity) -> String {
    let sorted = |words: &[String]| {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.sort_unstable();
        words.dedup();
        words.join(",")
    };
    let (roles, scopes) = (sorted(&identity.roles), sorted(&identity.scopes));
    format!("{} {roles} {scopes}", identity.method.as_str())
}

/// Whether what is told about a caller can be written as headers and is read
/// back as it was: no separator inside a role, no line break in a name.
#[must_use]
pub fn is_writable(identity: &Identity) -> bool {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_word = |text: &str| is_plain(text) && !text.is_empty() && !text.contains(',');
    is_word(&identity.user_id)
        && identity.roles.iter().all(|role| is_word(role))
        && identity.scopes.iter().all(|scope| is_word(scope))
        && identity.session_id.as_deref().is_none_or(is_word)
        && is_plain(&identity.token_id)
}

/// The operator, once recognised.
#[must_use]
pub fn operator() -> Identity {
    Identity {
        user_id: suoke_identity::caller::OPERATOR.to_owned(),
        roles: vec![suoke_identity::caller::OPERATOR.to_owned()],
        scopes: Vec::new(),
        session_id: None,
        token_id: String::new(),
        expires_at: i64::MAX,
        method: AuthMethod::Operator,
    }
}

/// What every answer carries unless the function says something else.
pub const DEFAULTS: [(&str, &str); 4] = [
    ("x-gateway", "suoke-life-gateway"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "frame-ancestors 'none'"),
];

/// Seconds of microseconds, rounded up.
#[must_use]
pub fn seconds(us: u64) -> u64 {
    us.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use suoke_guest::Request;
    use suoke_identity::caller;

    use super::*;

    #[test]
    fn identity_headers_are_known_whatever_the_case() {
        for name in ALL {
            assert!(is_identity(name) && is_identity(&name.to_ascii_uppercase()));
        }
        assert!(!is_identity("x-user") && !is_identity("authorization"));
    }

    /// Whether a header is passed on, for each of: the credential stays or is hidden, the
    /// peer is trusted or not.
    fn passed_on(name: &str) -> [[bool; 2]; 2] {
        [false, true].map(|hides| [false, true].map(|trusts| is_passed_on(name, hides, trusts)))
    }

    #[test]
    fn nobody_says_who_they_are_in_their_own_headers() {
        for name in ALL.into_iter().chain(["x-request-id"]) {
            for name in [name.to_owned(), name.to_ascii_uppercase()] {
                assert_eq!(passed_on(&name), [[false; 2]; 2], "{name}");
            }
        }
        assert_eq!(passed_on("x-own"), [[true; 2]; 2]);
    }

    #[test]
    fn a_credential_goes_on_to_functions_that_check_it_themselves() {
        let [stays, hidden] = passed_on("Authorization");
        assert_eq!((stays, hidden), ([true; 2], [false; 2]));
    }

    #[test]
    fn only_a_trusted_proxy_speaks_of_its_clients() {
        for name in ["forwarded", "X-Forwarded-For", "x-real-ip"] {
            assert_eq!(passed_on(name), [[false, true]; 2], "{name}");
        }
    }

    #[test]
    fn rights_are_the_same_in_any_order_and_differ_by_any_of_them() {
        let with = |roles: &[&str], scopes: &[&str], method| {
            let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
            rights(&Identity {
                roles: owned(roles),
                scopes: owned(scopes),
                method,
                ..operator()
            })
        };
        let one = with(&["a", "b"], &["r", "w"], AuthMethod::Jwt);
        assert_eq!(one, with(&["b", "a"], &["w", "r"], AuthMethod::Jwt));
        for other in [
            with(&["a"], &["r", "w"], AuthMethod::Jwt),
            with(&["a", "b"], &["r"], AuthMethod::Jwt),
            with(&["a", "b", "r"], &["w"], AuthMethod::Jwt),
            with(&["a", "b"], &["r", "w"], AuthMethod::Key),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn the_operator_is_one_for_functions() {
        let mut request = Request::new("GET", "/");
        for (name, value) in of_identity(&operator()) {
            request = request.with_header(name, &value);
        }
        assert!(suoke_identity::operator(&request).unwrap().is_admin());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            user_id in "[ -~]{0,12}",
            roles in proptest::collection::vec("[!-~]{1,6}", 0..3),
            scopes in proptest::collection::vec("[!-~]{1,6}", 0..3),
            session_id in proptest::option::of("[!-~]{0,6}"),
            expires_at in any::<i64>(),
        ) {
            let identity = Identity {
                user_id, roles, scopes, session_id,
                token_id: "t1".to_owned(), expires_at, method: AuthMethod::Key,
            };
            prop_assume!(is_writable(&identity));
            let mut request = Request::new("GET", "/");
            for (name, value) in of_identity(&identity) {
                request = request.with_header(name, &value);
            }
            prop_assert_eq!(caller(&request).unwrap(), identity);
        }
    }
}
