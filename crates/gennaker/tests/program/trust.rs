//! The broker's certificate and ours, passwords and keys: what is accepted, and what is said when it is not.

use std::path::{Path, PathBuf};

use gennaker_testkit::certificates::{Authority, Files, Valid};
use gennaker_testkit::nats::Server;

use crate::support::{Served, free_address, gennaker, output, text};

/// A pair from the documentation of NATS.
const NKEY_SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const NKEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

/// A broker, and who signed what.
struct Site {
    folder: tempfile::TempDir,
    authority: PathBuf,
    ours: Files,
    foreign: Files,
    server: Server,
}

impl Site {
    /// A broker with TLS on every connection, which asks for certificates of clients if it is told to.
    fn new(names: &[&str], valid: Valid, asks: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("authority");
        let files = authority.issue(folder.path(), "server", names, valid);
        let ours = authority.issue(folder.path(), "ours", &["client"], Valid::Now);
        let foreign = Authority::new("foreign");
        let foreign = foreign.issue(folder.path(), "theirs", &["client"], Valid::Now);
        let authority = authority.write(folder.path());
        let server = Server::start_with(&format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {authority:?}, verify: {asks} }}",
            files.certificate, files.key
        ));
        Self {
            folder,
            authority,
            ours,
            foreign,
            server,
        }
    }

    fn config(&self, listen: &str, broker: &str) -> PathBuf {
        config(self.folder.path(), &self.server, listen, broker)
    }

    /// What is said by a process that is told `broker` about it, and ends.
    fn refused(&self, broker: &str) -> String {
        refused(&self.config("127.0.0.1:0", broker))
    }

    fn trusting(&self) -> String {
        format!(
            "tls.ca_file = {:?}\n{}",
            self.authority,
            password(&self.server)
        )
    }
}

fn config(folder: &Path, server: &Server, listen: &str, broker: &str) -> PathBuf {
    let file = folder.join("gennaker.toml");
    let text = format!(
        "[gate]\nlisten = \"{listen}\"\n[broker]\nurls = [\"{}\"]\npartitions = 1\n{broker}\n",
        server.url()
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn password(server: &Server) -> String {
    format!(
        "username = {:?}\npassword = {:?}",
        server.user(),
        server.password()
    )
}

fn refused(config: &Path) -> String {
    let config = config.to_str().unwrap();
    let ended = output(&mut gennaker(&[
        "serve", "--roles", "gate", "--config", config,
    ]));
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let sentence = said.lines().find(|line| line.starts_with("error: "));
    assert!(
        sentence.is_some_and(|line| line.contains("the broker cannot be used: connect to ")),
        "{said}"
    );
    said
}

#[test]
fn both_sides_show_certificates() {
    let site = Site::new(&["127.0.0.1"], Valid::Now, true);
    let address = free_address();
    let broker = format!(
        "{}\ntls.certificate_file = {:?}\ntls.key_file = {:?}",
        site.trusting(),
        site.ours.certificate,
        site.ours.key
    );
    let config = site.config(&address, &broker);
    let served = Served::start(&config, "scheduler,worker,triggers,gate", &[]);
    served.wait_healthy(&format!("http://{address}"));
    served.end();

    let said = site.refused(&site.trusting());
    assert!(
        said.contains("refuses our certificate") && said.contains("broker.tls.certificate_file"),
        "{said}"
    );
    let foreign = format!(
        "{}\ntls.certificate_file = {:?}\ntls.key_file = {:?}",
        site.trusting(),
        site.foreign.certificate,
        site.foreign.key
    );
    let said = site.refused(&foreign);
    assert!(said.contains("refuses our certificate"), "{said}");
    let mixed = format!(
        "{}\ntls.certificate_file = {:?}\ntls.key_file = {:?}",
        site.trusting(),
        site.ours.certificate,
        site.foreign.key
    );
    let said = site.refused(&mixed);
    assert!(
        said.contains("our certificates or authorities cannot be used"),
        "{said}"
    );
}

#[test]
fn a_broker_that_nobody_vouches_for() {
    let site = Site::new(&["127.0.0.1"], Valid::Now, false);
    let other = Authority::new("other").write(site.folder.path());
    for broker in [
        // The platform's authorities, and one that has signed something else.
        format!("tls.required = true\n{}", password(&site.server)),
        format!("tls.ca_file = {other:?}\n{}", password(&site.server)),
    ] {
        let said = site.refused(&broker);
        assert!(
            said.contains("nobody that we trust has signed the broker's certificate")
                && said.contains("broker.tls.ca_file"),
            "{said}"
        );
    }
    let missing = format!(
        "tls.ca_file = \"/no/such/file\"\n{}",
        password(&site.server)
    );
    let said = site.refused(&missing);
    assert!(said.contains("o such file"), "{said}");
}

#[test]
fn certificates_have_a_time_and_names() {
    for (names, valid, wanted) in [
        (["127.0.0.1"], Valid::Before, "has expired"),
        (["127.0.0.1"], Valid::Later, "is not valid yet"),
        (
            ["broker.example.com"],
            Valid::Now,
            "is not for the name in its address",
        ),
    ] {
        let site = Site::new(&names, valid, false);
        let said = site.refused(&site.trusting());
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_broker_without_tls() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let broker = format!("tls.required = true\n{}", password(&server));
    let said = refused(&config(folder.path(), &server, "127.0.0.1:0", &broker));
    assert!(said.contains("speaks no TLS"), "{said}");
}

#[test]
fn passwords_and_keys() {
    let server = Server::start_with_users(&format!("{{ nkey: {NKEY} }}"));
    let folder = tempfile::tempdir().unwrap();
    let refused = |broker: &str| refused(&config(folder.path(), &server, "127.0.0.1:0", broker));
    let said = refused("username = \"gennaker\"\npassword = \"hunter2\"");
    assert!(
        said.contains("refuses our credentials")
            && said.contains("broker.username")
            && !said.contains("hunter2"),
        "{said}"
    );
    let said = refused("");
    assert!(said.contains("refuses our credentials"), "{said}");
    let said = refused("credentials_file = \"/no/such/file\"");
    assert!(
        said.contains("our credentials cannot be used (/no/such/file"),
        "{said}"
    );

    let seed = folder.path().join("seed");
    std::fs::write(&seed, "hunter2").unwrap();
    let with_seed = format!("nkey_seed_file = {seed:?}");
    let said = refused(&with_seed);
    assert!(
        said.contains("our credentials cannot be used") && !said.contains("hunter2"),
        "{said}"
    );
    std::fs::write(&seed, format!("{NKEY_SEED}\n")).unwrap();
    let address = free_address();
    let config = config(folder.path(), &server, &address, &with_seed);
    let served = Served::start(&config, "scheduler,gate", &[]);
    served.wait_healthy(&format!("http://{address}"));
    served.end();
}
