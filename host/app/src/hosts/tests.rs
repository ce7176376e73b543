//! What is allowed, what is not, and what is no entry at all.

use proptest::prelude::*;

use super::*;

fn hosts(entries: &[&str]) -> AllowedHosts {
    AllowedHosts::parse(entries).expect("entries parse")
}

fn refusal(entry: &str) -> HostsError {
    AllowedHosts::parse(&[entry]).expect_err("entry is refused")
}

#[test]
fn nothing_is_allowed_by_an_empty_list() {
    let none = hosts(&[]);
    assert!(none.is_empty());
    assert!(!none.allows("http", "example.com", 80));
    assert!(!none.allows_self("http"));
    assert!(!none.allows_chaining("app"));
}

#[test]
fn entries_of_empty_variables_allow_nothing() {
    assert!(hosts(&["", "http://", "https://", "  "]).is_empty());
}

#[test]
fn scheme_host_and_port_must_all_match() {
    let one = hosts(&["https://api.example.com"]);
    assert!(one.allows("https", "api.example.com", 443));
    assert!(!one.allows("http", "api.example.com", 443));
    assert!(!one.allows("https", "example.com", 443));
    assert!(!one.allows("https", "api.example.com.evil.test", 443));
    assert!(!one.allows("https", "api.example.com", 8443));
}

#[test]
fn scheme_and_host_ignore_case() {
    let one = hosts(&["HTTPS://Api.Example.COM/"]);
    assert!(one.allows("https", "API.example.com", 443));
    assert!(one.allows("HTTPS", "api.example.com", 443));
}

#[test]
fn ports_default_by_scheme() {
    for (scheme, port) in [
        ("http", 80),
        ("https", 443),
        ("redis", 6379),
        ("postgres", 5432),
        ("mysql", 3306),
        ("mqtt", 1883),
    ] {
        let one = hosts(&[&format!("{scheme}://db.test")]);
        assert!(one.allows(scheme, "db.test", port), "{scheme}");
        assert!(!one.allows(scheme, "db.test", port + 1), "{scheme}");
    }
}

#[test]
fn port_ranges_do_not_include_their_end() {
    let range = hosts(&["http://a.test:8000..8002", "http://b.test:65535..65536"]);
    assert!(!range.allows("http", "a.test", 7999));
    assert!(range.allows("http", "a.test", 8000));
    assert!(range.allows("http", "a.test", 8001));
    assert!(!range.allows("http", "a.test", 8002));
    assert!(range.allows("http", "b.test", 65535));
}

#[test]
fn any_port_and_any_scheme() {
    let any = hosts(&["*://a.test:*"]);
    assert!(any.allows("tcp", "a.test", 1));
    assert!(any.allows("udp", "a.test", 65535));
    assert!(!any.allows("udp", "b.test", 65535));
}

#[test]
fn wildcard_subdomains_do_not_include_the_domain() {
    let sub = hosts(&["https://*.example.com"]);
    assert!(sub.allows("https", "a.example.com", 443));
    assert!(sub.allows("https", "a.b.example.com", 443));
    assert!(!sub.allows("https", "example.com", 443));
    assert!(!sub.allows("https", ".example.com", 443));
    assert!(!sub.allows("https", "aexample.com", 443));
}

#[test]
fn addresses_match_in_every_way_of_writing() {
    let some = hosts(&[
        "http://127.0.0.1",
        "http://[::1]:8080",
        "http://[FD00::0:1]",
    ]);
    assert!(some.allows("http", "127.0.0.1", 80));
    assert!(some.allows("http", "::ffff:127.0.0.1", 80));
    assert!(some.allows("http", "[::1]", 8080));
    assert!(some.allows("http", "::1", 8080));
    assert!(some.allows("http", "fd00::1", 80));
    assert!(!some.allows("http", "::1", 80));
    assert!(!some.allows("http", "127.0.0.2", 80));
}

#[test]
fn networks_hold_their_addresses_and_no_domain() {
    let some = hosts(&[
        "*://10.0.0.0/8:80",
        "http://192.168.1.77/24",
        "*://ff00::/8:443",
        "http://[fd00::]/8:*",
        "http://[fe80::/10]",
        "http://[::ffff:172.16.0.0]/108",
    ]);
    assert!(some.allows("tcp", "10.255.0.1", 80));
    assert!(!some.allows("tcp", "10.255.0.1", 81));
    assert!(!some.allows("tcp", "11.0.0.1", 80));
    assert!(some.allows("http", "192.168.1.1", 80));
    assert!(!some.allows("http", "192.168.2.1", 80));
    assert!(some.allows("http", "ff02::1", 443));
    assert!(some.allows("http", "[fd12::1]", 9));
    assert!(some.allows("http", "fe80::1", 80));
    assert!(some.allows("http", "172.31.0.1", 80));
    assert!(!some.allows("tcp", "ten.test", 80));
}

#[test]
fn everything_includes_self_and_chaining() {
    let all = hosts(&["*://*:*"]);
    assert!(all.allows("anything", "example.com", 1));
    assert!(all.allows("udp", "::1", 53));
    assert!(all.allows_self("https"));
    assert!(all.allows_chaining("app"));
}

#[test]
fn any_host_is_bound_by_its_scheme() {
    let https = hosts(&["https://*:443"]);
    assert!(https.allows("https", "example.com", 443));
    assert!(https.allows_self("https"));
    assert!(!https.allows_self("http"));
    assert!(!https.allows_chaining("app"));
}

#[test]
fn self_is_not_a_host_of_the_network() {
    for entry in ["http://self", "http://self.alt", "http://SELF"] {
        let own = hosts(&[entry]);
        assert!(own.allows_self("http"));
        assert!(!own.allows_self("https"));
        assert!(!own.allows("http", "self", 80));
        assert!(!own.allows("http", "127.0.0.1", 80));
        assert!(!own.allows_chaining("app"));
    }
}

#[test]
fn chaining_reaches_the_named_component_only() {
    let one = hosts(&["http://Auth-login.spin.internal", "https://b.spin.internal"]);
    assert!(one.allows_chaining("auth-login"));
    assert!(one.allows_chaining("AUTH-LOGIN"));
    assert!(!one.allows_chaining("b"));
    assert!(!one.allows_chaining("login"));
    assert_eq!(
        one.chaining_targets().collect::<Vec<_>>(),
        ["auth-login", "b"]
    );
}

#[test]
fn wildcard_chaining_reaches_every_component() {
    let all = hosts(&["http://*.spin.internal"]);
    assert!(all.allows_chaining("a"));
    assert!(!all.allows_self("http"));
    assert_eq!(all.chaining_targets().collect::<Vec<_>>(), ["*"]);
}

#[test]
fn refusals_name_entry_reason_and_mend() {
    let cases = [
        ("insecure:allow-all", "no meaning", "*://*:*"),
        ("example.com", "no scheme", "https://example.com"),
        ("example.com:80", "no scheme", "https://example.com:80"),
        ("{http,https}://a.test", "lists of schemes", "one entry"),
        ("http://{a,b}.test", "lists of hosts", "one entry"),
        ("http://a.test:{1,2}", "lists of ports", "one entry"),
        ("h2+c://a.test:1", "not a word", "https"),
        ("://a.test:1", "not a word", "https"),
        ("http://:80", "no host", "\"*\""),
        ("http:///", "no host", "\"*\""),
        ("http://a.test/path", "path", "end the entry"),
        ("http://a.test:80/path", "path", "end the entry"),
        ("http://a.test//", "path", "end the entry"),
        ("http://10.0.0.0/33", "network", "10.0.0.0/8"),
        ("tcp://a.test", "no usual one", "add \":\""),
        ("*://a.test", "no usual one", "add \":\""),
        ("http://a.test:http", "not a port number", "65535"),
        ("http://a.test:65536", "not a port number", "65535"),
        ("http://a.test:+80", "not a port number", "65535"),
        ("http://a.test:1..x", "not of numbers", "8000..8100"),
        ("http://a.test:9..9", "is empty", "lower port first"),
        ("http://a.*.test", "in its middle", "*.example.com"),
        ("http://*.*.test", "in its middle", "*.example.com"),
        ("http://*example.com", "in its middle", "*.example.com"),
        ("http://::1", "in brackets", "[::1]"),
        ("http://健康.cn", "outside of ASCII", "xn--"),
        ("http://a..test", "neither a domain", "IPv4"),
        ("http://127.1", "neither a domain", "IPv4"),
        ("http://256.0.0.1", "neither a domain", "IPv4"),
        ("http://user@a.test", "neither a domain", "IPv4"),
        ("http://[::1", "in brackets", "[::1]"),
        ("http://[x]", "neither a domain", "IPv6"),
        ("http://0x7f.0x1", "neither a domain", "IPv4"),
    ];
    for (entry, reason, mend) in cases {
        let error = refusal(entry);
        assert_eq!(error.entry, entry);
        assert!(error.reason.contains(reason), "{error}");
        assert!(error.mend.contains(mend), "{error}");
    }
}

#[test]
fn the_first_bad_entry_is_named() {
    let error = AllowedHosts::parse(&["http://a.test", "b.test", "c.test"]).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "\"b.test\" is not an allowed host: it has no scheme; \
         write \"https://b.test\", or another scheme, or \"*://\" for all"
    );
}

prop_compose! {
    fn an_entry()(
        scheme in prop_oneof![Just("*".to_owned()), "[a-z]{1,8}"],
        host in prop_oneof![
            Just("*".to_owned()),
            Just("self".to_owned()),
            Just("*.spin.internal".to_owned()),
            "(\\*\\.)?[a-z]{1,5}(\\.[a-z]{1,5}){0,2}",
            any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
            any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
            (any::<std::net::Ipv4Addr>(), 0..=32u8).prop_map(|(ip, bits)| format!("{ip}/{bits}")),
            (any::<std::net::Ipv6Addr>(), 0..=128u8).prop_map(|(ip, bits)| format!("[{ip}]/{bits}")),
        ],
        port in prop_oneof![
            Just("*".to_owned()),
            any::<u16>().prop_map(|port| port.to_string()),
            (0..1000u32, 1000..=65_536u32).prop_map(|(a, b)| format!("{a}..{b}")),
        ],
    ) -> String {
        format!("{scheme}://{host}:{port}")
    }
}

prop_compose! {
    fn a_target()(
        scheme in prop_oneof![Just("http".to_owned()), "[a-z]{1,3}"],
        host in prop_oneof![
            "[a-z]{1,5}(\\.[a-z]{1,5}){0,3}",
            any::<std::net::IpAddr>().prop_map(|ip| ip.to_string()),
        ],
        port in any::<u16>(),
    ) -> (String, String, u16) {
        (scheme, host, port)
    }
}

proptest! {
    #[test]
    fn no_text_panics(entry in "\\PC*", host in "\\PC*") {
        if let Ok(hosts) = AllowedHosts::parse(&[entry]) {
            hosts.allows("http", &host, 80);
            hosts.allows_chaining(&host);
            prop_assert!(hosts.canonical().count() <= 1);
        }
    }

    #[test]
    fn no_entry_like_text_panics(entry in "[a-z*{]{0,3}:?/{0,2}[a-z0-9.*:\\[\\]/{]{0,12}:?[0-9.*{/]{0,6}") {
        let _ = AllowedHosts::parse(&[entry]);
    }

    #[test]
    fn canonical_forms_decide_alike(entry in an_entry(), targets in prop::collection::vec(a_target(), 8)) {
        let first = AllowedHosts::parse(&[&entry]).expect("a canonical form parses");
        let forms: Vec<String> = first.canonical().collect();
        let second = AllowedHosts::parse(&forms).expect("what is written is read");
        prop_assert_eq!(&first, &second, "{:?}", forms);
        for (scheme, host, port) in targets {
            prop_assert_eq!(
                first.allows(&scheme, &host, port),
                second.allows(&scheme, &host, port)
            );
        }
    }

    #[test]
    fn an_entry_allows_its_own_destination(host in "[a-z]{1,5}(\\.[a-z]{1,5}){0,2}", port in any::<u16>()) {
        prop_assume!(host != "self" && host != "self.alt");
        let hosts = AllowedHosts::parse(&[format!("http://{host}:{port}")]).expect("parses");
        prop_assert!(hosts.allows("http", &host, port));
        prop_assert!(!hosts.allows("https", &host, port));
        prop_assert!(!hosts.allows("http", &host, port.wrapping_add(1)));
    }
}
