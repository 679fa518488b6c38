use super::*;

fn policy(allow_loopback: bool, allow_link_local: bool, allowed: &[&str]) -> Policy {
    Policy::untrusted(&Exceptions {
        allow_loopback,
        allow_link_local,
        allowed_patterns: allowed.iter().map(|&text| text.to_owned()).collect(),
    })
    .unwrap()
}

fn rule(policy: &Policy, url: &str) -> Option<Rule> {
    policy
        .check(&Url::parse(url).unwrap())
        .err()
        .map(|refused| refused.rule)
}

#[test]
fn closed_by_default() {
    let closed = policy(false, false, &[]);
    for (url, expected) in [
        ("https://example.com/hook", None),
        ("http://ci.example.com:8080/", None),
        ("https://user:pass@example.com/", None),
        ("https://example.com./", None),
        ("ftp://example.com/", Some(Rule::Scheme)),
        ("file:///etc/passwd", Some(Rule::Scheme)),
        ("gopher://example.com/", Some(Rule::Scheme)),
        ("data:text/plain,x", Some(Rule::Scheme)),
        ("http://localhost/", Some(Rule::Loopback)),
        ("http://LOCALHOST:8084/", Some(Rule::Loopback)),
        ("http://localhost./", Some(Rule::Loopback)),
        ("http://a.localhost/", Some(Rule::Loopback)),
        ("http://127.0.0.1/", Some(Rule::Loopback)),
        ("http://2130706433/", Some(Rule::Loopback)),
        ("http://0x7f.1/", Some(Rule::Loopback)),
        ("http://0177.0.0.1/", Some(Rule::Loopback)),
        ("http://0/", Some(Rule::Loopback)),
        ("http://[::1]/", Some(Rule::Loopback)),
        ("http://[::ffff:127.0.0.1]/", Some(Rule::Loopback)),
        ("http://169.254.1.1/", Some(Rule::LinkLocal)),
        ("http://[fe80::1]/", Some(Rule::LinkLocal)),
        (
            "http://169.254.169.254/latest/meta-data/",
            Some(Rule::Metadata),
        ),
        ("http://[::ffff:a9fe:a9fe]/", Some(Rule::Metadata)),
        ("http://[fd00:ec2::254]/", Some(Rule::Metadata)),
        ("http://metadata.google.internal/", Some(Rule::Metadata)),
        ("http://Metadata.Google.Internal./", Some(Rule::Metadata)),
        ("http://metadata/", Some(Rule::Metadata)),
        ("http://10.0.0.7/", Some(Rule::LiteralAddress)),
        ("http://8.8.8.8/", Some(Rule::LiteralAddress)),
        ("http://[2001:db8::1]/", Some(Rule::LiteralAddress)),
        ("http://255.255.255.255/", Some(Rule::Reserved)),
        ("http://jenkins/", Some(Rule::NoDot)),
        ("http://spinnaker/", Some(Rule::InternalDomain)),
        (
            "http://clouddriver.spinnaker:7002/",
            Some(Rule::InternalDomain),
        ),
        ("http://x.svc.cluster.local/", Some(Rule::InternalDomain)),
        ("http://x.localdomain/", Some(Rule::InternalDomain)),
        (
            "http://ip-10-0-0-1.ec2.internal/",
            Some(Rule::InternalDomain),
        ),
        ("https://internal.example.com/", None),
        ("https://notlocal.io/", None),
    ] {
        assert_eq!(rule(&closed, url), expected, "{url}");
    }
}

#[test]
fn loopback_can_be_opened() {
    let open = policy(true, false, &[]);
    for (url, expected) in [
        ("http://localhost:8080/", None),
        ("http://127.0.0.1:8080/", None),
        ("http://[::1]/", None),
        ("http://10.0.0.1/", Some(Rule::LiteralAddress)),
        ("http://169.254.169.254/", Some(Rule::Metadata)),
        ("http://x.local/", Some(Rule::InternalDomain)),
    ] {
        assert_eq!(rule(&open, url), expected, "{url}");
    }
}

#[test]
fn link_local_opens_all_but_metadata() {
    let open = policy(false, true, &[]);
    assert_eq!(rule(&open, "http://169.254.7.7/"), None);
    assert_eq!(rule(&open, "http://[fe80::7]/"), None);
    assert_eq!(rule(&open, "http://169.254.169.254/"), Some(Rule::Metadata));
    assert_eq!(rule(&open, "http://127.0.0.1/"), Some(Rule::Loopback));
}

#[test]
fn patterns_open() {
    let open = policy(
        false,
        false,
        &["jenkins", "*.svc.cluster.local", "10.0.0.0/8", "localhost"],
    );
    for (url, expected) in [
        ("http://jenkins:8080/", None),
        ("http://a.ns.svc.cluster.local/", None),
        ("http://a.ns.pod.cluster.local/", Some(Rule::InternalDomain)),
        ("http://10.9.8.7/", None),
        ("http://[::ffff:10.9.8.7]/", None),
        ("http://192.168.0.1/", Some(Rule::LiteralAddress)),
        ("http://localhost/", None),
        ("http://127.0.0.1/", Some(Rule::Loopback)),
    ] {
        assert_eq!(rule(&open, url), expected, "{url}");
    }
}

#[test]
fn metadata_opens_only_by_its_exact_name_and_address() {
    let wide = policy(
        true,
        true,
        &["*", "*.internal", "0.0.0.0/0", "169.254.0.0/16", "::/0"],
    );
    assert_eq!(rule(&wide, "http://169.254.169.254/"), Some(Rule::Metadata));
    assert_eq!(
        rule(&wide, "http://metadata.google.internal/"),
        Some(Rule::Metadata)
    );
    let exact = policy(
        false,
        false,
        &["169.254.169.254", "metadata.google.internal"],
    );
    assert_eq!(rule(&exact, "http://169.254.169.254/"), None);
    assert_eq!(rule(&exact, "http://metadata.google.internal/"), None);
    assert_eq!(rule(&exact, "http://metadata.goog/"), Some(Rule::Metadata));
}

#[test]
fn resolved_addresses_are_checked_too() {
    let ips = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<IpAddr>>()
    };
    let closed = policy(false, false, &["rebound.example.com"]);
    let refusal = closed
        .allowed_addresses("rebound.example.com", ips(&["127.0.0.1", "::1"]))
        .unwrap_err();
    assert_eq!(refusal.rule, Rule::Loopback);
    assert!(refusal.target.contains("127.0.0.1"), "{refusal}");
    for (ip, expected) in [
        ("169.254.169.254", Some(Rule::Metadata)),
        ("169.254.3.3", Some(Rule::LinkLocal)),
        ("0.0.0.0", Some(Rule::Loopback)),
        ("64:ff9b::a9fe:a9fe", Some(Rule::Metadata)),
        ("10.0.0.1", None),
        ("93.184.216.34", None),
    ] {
        let got = closed
            .allowed_addresses("x.example.com", ips(&[ip]))
            .err()
            .map(|refused| refused.rule);
        assert_eq!(got, expected, "{ip}");
    }
    let mixed = closed
        .allowed_addresses("x.example.com", ips(&["127.0.0.1", "10.0.0.1"]))
        .unwrap();
    assert_eq!(mixed, ips(&["10.0.0.1"]), "the forbidden one is left out");
    let dev = policy(true, false, &[]);
    assert_eq!(
        dev.allowed_addresses("x", ips(&["127.0.0.1"])).unwrap(),
        ips(&["127.0.0.1"])
    );
}

#[test]
fn trusted_allows_every_host_and_two_schemes() {
    let trusted = Policy::trusted();
    for url in [
        "http://localhost/",
        "http://10.0.0.1/",
        "http://jenkins/",
        "https://x.local/",
    ] {
        assert_eq!(rule(&trusted, url), None, "{url}");
    }
    assert_eq!(rule(&trusted, "ftp://example.com/"), Some(Rule::Scheme));
    let any: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap()];
    assert_eq!(trusted.allowed_addresses("x", any.clone()).unwrap(), any);
}

#[test]
fn a_bad_pattern_is_an_error() {
    let exceptions = Exceptions {
        allowed_patterns: vec!["a b".to_owned()],
        ..Exceptions::default()
    };
    assert!(
        Policy::untrusted(&exceptions)
            .unwrap_err()
            .to_string()
            .contains("\"a b\"")
    );
}
