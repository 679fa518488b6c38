//! The API with certificates, and the client verbs that show and check them.

use std::path::Path;

use gennaker_testkit::certificates::{Authority, Files, Valid};
use gennaker_testkit::nats::Server;

use crate::support::{Served, free_address, gennaker, output, text, try_request, wait_until};

fn config(folder: &Path, broker: &Server, listen: &str, tls: &str) -> std::path::PathBuf {
    let file = folder.join("gennaker.toml");
    let text = format!(
        "[gate]\nlisten = \"{listen}\"\n[gate.tls]\n{tls}\n\
         [broker]\nurls = [\"{}\"]\nusername = \"{}\"\npassword = \"{}\"\npartitions = 3\n",
        broker.url(),
        broker.user(),
        broker.password()
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// A client verb: its exit code, and what it said.
fn ask(url: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["api", "GET", "/version", "--server", url];
    arguments.extend(more);
    let done = output(&mut gennaker(&arguments));
    let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
    (done.status.code(), said)
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[test]
fn a_client_shows_its_certificate_and_checks_the_servers() {
    let broker = Server::start_with("max_payload: 1MB");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new("ours");
    let ca = authority.write(folder);
    let server: Files = authority.issue(folder, "server", &["127.0.0.1"], Valid::Now);
    let client: Files = authority.issue(folder, "client", &[], Valid::Now);
    let address = free_address();
    let tls = format!(
        "certificate_file = {:?}\nkey_file = {:?}\nclient_ca_file = {ca:?}\nclient_certificate_required = true",
        server.certificate, server.key
    );
    let config = config(folder, &broker, &address, &tls);
    let probes = free_address();
    let environment = [("GENNAKER_TELEMETRY__LISTEN", probes.as_str())];
    let gate = Served::start(&config, "scheduler,gate", &environment);
    let url = format!("https://{address}");
    let trusting = ["--certificate-authority", path(&ca)];
    let whole = [
        trusting[0],
        trusting[1],
        "--client-certificate",
        path(&client.certificate),
        "--client-key",
        path(&client.key),
    ];
    wait_until("the API answers", || ask(&url, &whole).0 == Some(0));
    // Who looks after processes has no certificate.
    let probes = format!("http://{probes}");
    wait_until("the health is good", || {
        matches!(try_request(&probes, "GET", "/health", None), Ok((200, _)))
    });
    assert_eq!(
        try_request(&probes, "GET", "/applications", None)
            .unwrap()
            .0,
        404
    );
    assert!(
        gate.log()
            .contains(&format!("listens on https://{address}")),
        "{}",
        gate.log()
    );
    // As spin is configured.
    let spin = folder.join("spin");
    let text = format!(
        "auth:\n  enabled: true\n  ignoreCertErrors: true\n  x509: {{certPath: {:?}, keyPath: {:?}}}\n",
        client.certificate, client.key
    );
    std::fs::write(&spin, text).unwrap();
    assert_eq!(ask(&url, &["--config", path(&spin)]).0, Some(0));
    for (more, code, said) in [
        (&trusting[..], 4, "wants to see a client certificate"),
        (&["-k"], 4, "--client-certificate FILE --client-key FILE"),
        (
            &[],
            9,
            "name the server's authority with --certificate-authority",
        ),
        (
            &["--client-key", path(&client.key)],
            2,
            "--client-certificate",
        ),
    ] {
        let (ended, told) = ask(&url, more);
        assert_eq!(ended, Some(code), "{more:?}: {told}");
        assert!(told.contains(said), "{more:?}: {told}");
    }
    let (ended, told) = ask(&format!("http://{address}"), &[]);
    assert_eq!(ended, Some(1), "{told}");
    assert!(told.contains("400"), "{told}");
    gate.end();
}

#[test]
fn certificates_that_cannot_be_used_are_told_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new("ours");
    let one = authority.issue(folder, "one", &["localhost"], Valid::Now);
    let two = authority.issue(folder, "two", &["localhost"], Valid::Now);
    let broker = Server::start_with("max_payload: 1MB");
    for (tls, wanted) in [
        (
            format!("certificate_file = {:?}", one.certificate),
            "gate.tls.certificate_file and gate.tls.key_file go together",
        ),
        (
            format!(
                "certificate_file = {:?}\nkey_file = \"/nonexistent.key\"",
                one.certificate
            ),
            "gate.tls: /nonexistent.key cannot be read",
        ),
        (
            format!(
                "certificate_file = {:?}\nkey_file = {:?}",
                one.certificate, two.key
            ),
            "gate.tls: the certificate and its key cannot be used",
        ),
    ] {
        let config = config(folder, &broker, "127.0.0.1:0", &tls);
        let done = output(&mut gennaker(&[
            "serve",
            "--roles",
            "gate",
            "--config",
            path(&config),
        ]));
        let said = text(&done.stderr);
        assert!(
            done.status.code() == Some(2) && said.contains(wanted),
            "{wanted}: {said}"
        );
    }
    let mut dev = gennaker(&[
        "dev",
        "--data",
        path(&folder.join("data")),
        "--listen",
        "127.0.0.1:0",
    ]);
    dev.env("GENNAKER_GATE__TLS__CERTIFICATE_FILE", &one.certificate)
        .env("GENNAKER_GATE__TLS__KEY_FILE", &one.key);
    let done = output(&mut dev);
    assert!(
        text(&done.stderr).contains("`gennaker dev` speaks http"),
        "{}",
        text(&done.stderr)
    );
}
