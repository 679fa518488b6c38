//! What keeps `gennaker dev` from starting: one sentence that names it, and the way out.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{Dev, gennaker, output, text};

/// Starts it where it cannot; what it says.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = gennaker(&["dev"]);
    command.args(arguments).envs(environment.iter().copied());
    let ended = output(&mut command);
    assert_eq!(text(&ended.stdout), "");
    (ended.status.code(), text(&ended.stderr))
}

fn script(folder: &Path, prints: &str) -> String {
    let path = folder.join("nats-server");
    std::fs::write(&path, format!("#!/bin/sh\necho '{prints}'\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_port_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = refused(&["--data", data, "--listen", &address], &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&address) && said.contains("is in use") && said.contains("--listen"),
        "{said}"
    );
}

#[test]
fn a_data_folder_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _dev = Dev::start(&data);
    let data = data.to_str().unwrap();
    let (code, said) = refused(&["--data", data, "--listen", "127.0.0.1:0"], &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("another `gennaker dev` uses the data folder") && said.contains("--data"),
        "{said}"
    );
}

#[test]
fn a_data_folder_that_cannot_be_or_is_from_the_future() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    let (_, said) = refused(
        &["--data", below.to_str().unwrap(), "--listen", "127.0.0.1:0"],
        &[],
    );
    assert!(
        said.contains("cannot be used") && said.contains("--data"),
        "{said}"
    );

    let newer = folder.path().join("newer");
    std::fs::create_dir(&newer).unwrap();
    std::fs::write(newer.join("version"), "99.1.0\n").unwrap();
    let (_, said) = refused(
        &["--data", newer.to_str().unwrap(), "--listen", "127.0.0.1:0"],
        &[],
    );
    assert!(said.contains("99.1.0") && said.contains("newer"), "{said}");
}

#[test]
fn a_nats_server_that_is_too_old_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments = ["--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let old = script(folder.path(), "nats-server: v2.9.10");
    let says = |said: &str, words: &[&str]| words.iter().all(|word| said.contains(word));
    let too_old = ["2.9.10", "2.14.4", "Debian", "GENNAKER_NATS_SERVER"];
    let (code, said) = refused(&arguments, &[("GENNAKER_NATS_SERVER", &old)]);
    assert!(
        code == Some(1) && says(&said, &too_old) && said.contains("unset it"),
        "{said}"
    );

    // In PATH, with nothing in the cache.
    let home = folder.path().to_str().unwrap();
    let path = format!("{home}:/usr/bin:/bin");
    let (_, said) = refused(
        &arguments,
        &[
            ("GENNAKER_NATS_SERVER", ""),
            ("PATH", &path),
            ("HOME", home),
            ("XDG_CACHE_HOME", ""),
        ],
    );
    assert!(
        says(&said, &too_old) && says(&said, &["cargo xtask tools", "PATH", "Go 1.25"]),
        "{said}"
    );

    let (_, said) = refused(
        &arguments,
        &[("GENNAKER_NATS_SERVER", "/nowhere/nats-server")],
    );
    assert!(
        said.contains("/nowhere/nats-server") && said.contains("no such file"),
        "{said}"
    );

    // It says that it is recent, and does not start.
    let broken = script(folder.path(), "nats-server: v2.15.1");
    let (_, said) = refused(&arguments, &[("GENNAKER_NATS_SERVER", &broken)]);
    assert!(said.contains("the broker ended"), "{said}");
}

#[test]
fn settings_and_arguments_that_make_no_sense() {
    let (code, said) = refused(&[], &[("GENNAKER_WORKER__CONCURENCY", "3")]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("GENNAKER_WORKER__CONCURENCY")
            && said.contains("GENNAKER_WORKER__CONCURRENCY"),
        "{said}"
    );
    let (code, said) = refused(&["--listen", "8084"], &[]);
    assert!(code == Some(2) && said.contains("127.0.0.1:8084"), "{said}");
    let (code, said) = refused(&[], &[("GENNAKER_LOG", "gennaker=loud")]);
    assert!(code == Some(2) && said.contains("gennaker=loud"), "{said}");
}
