use super::*;

const CA: &[u8] = include_bytes!("testdata/ca.pem");
const CLIENT: &[u8] = include_bytes!("testdata/client.pem");

fn problem(tls: Tls) -> String {
    config(&tls).unwrap_err()
}

#[test]
fn accepts_good_settings_and_offers_both_protocols() {
    let tls = Tls {
        extra_ca_pem: Some(CA.to_vec()),
        identity_pem: Some(CLIENT.to_vec()),
        insecure_skip_verify: false,
    };
    let config = config(&tls).unwrap();
    assert_eq!(
        config.alpn_protocols,
        [b"h2".to_vec(), b"http/1.1".to_vec()]
    );
    assert!(config.client_auth_cert_resolver.has_certs());
}

#[test]
fn names_what_is_wrong() {
    let nonsense = Some(b"nonsense".to_vec());
    let ca = Tls {
        extra_ca_pem: nonsense.clone(),
        ..Tls::default()
    };
    assert_eq!(
        problem(ca),
        "certificate authorities cannot be read: no certificate in it"
    );
    let identity = Tls {
        identity_pem: nonsense,
        ..Tls::default()
    };
    assert_eq!(
        problem(identity),
        "the client certificate cannot be read: no certificate in it"
    );
    let keyless = Tls {
        identity_pem: Some(CA.to_vec()),
        ..Tls::default()
    };
    assert!(problem(keyless).starts_with("the client certificate's private key cannot be read"));
}

#[test]
fn debug_shows_no_key() {
    let shown = format!(
        "{:?}",
        Tls {
            identity_pem: Some(CLIENT.to_vec()),
            ..Tls::default()
        }
    );
    assert_eq!(
        shown,
        "Tls { extra_ca_pem: false, identity_pem: true, insecure_skip_verify: false }"
    );
}
