use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::anyhow;

use super::*;

/// A machine with programs in some places. The "programs" are files that hold what they would print.
struct Machine {
    folder: tempfile::TempDir,
    places: Places,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            named: None,
            path: Some(folder.path().join("bin").into()),
            cache: folder.path().join("cache"),
        };
        Self { folder, places }
    }

    fn program(&self, path: &str, prints: &str) -> PathBuf {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, prints).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    fn find(&self) -> Result<Found> {
        find(&self.places, version_in)
    }
}

fn version_in(program: &Path) -> Result<Version> {
    Version::find(&fs::read_to_string(program)?).ok_or_else(|| anyhow!("no version"))
}

#[test]
fn the_named_one_comes_first_then_path_then_the_cache() {
    let mut machine = Machine::new();
    assert_eq!(machine.find().unwrap(), Found::Nothing { too_old: None });

    let cached = machine.program(
        "cache/nats-server-2.15.1/nats-server",
        "nats-server: v2.15.1",
    );
    assert_eq!(machine.find().unwrap(), Found::Usable(cached));

    let on_path = machine.program("bin/nats-server", "nats-server: v2.14.4");
    assert_eq!(machine.find().unwrap(), Found::Usable(on_path));

    let named = machine.program("own/server", "nats-server: v2.16.0");
    machine.places.named = Some(named.clone().into());
    assert_eq!(machine.find().unwrap(), Found::Usable(named));
}

#[test]
fn an_old_one_on_path_is_passed_over_and_remembered() {
    let machine = Machine::new();
    let old = machine.program("bin/nats-server", "nats-server: v2.9.10");
    let too_old = Some((old, Version::new(2, 9, 10)));
    assert_eq!(machine.find().unwrap(), Found::Nothing { too_old });

    let cached = machine.program(
        "cache/nats-server-2.15.1/nats-server",
        "nats-server: v2.15.1",
    );
    assert_eq!(machine.find().unwrap(), Found::Usable(cached));
}

#[test]
fn a_named_one_is_never_passed_over() {
    let mut machine = Machine::new();
    machine.program("bin/nats-server", "nats-server: v2.15.1");
    machine.places.named = Some("/no/such/file".into());
    let error = machine.find().unwrap_err();
    assert!(
        format!("{error:#}").starts_with("GENNAKER_NATS_SERVER names no usable nats-server"),
        "{error:#}"
    );

    machine.places.named = Some(machine.program("own/server", "nats-server: v2.14.3").into());
    let error = machine.find().unwrap_err();
    assert!(
        error.to_string().contains("2.14.3") && error.to_string().contains("2.14.4 or newer"),
        "{error}"
    );
}

#[test]
fn a_damaged_cache_says_what_to_remove() {
    let machine = Machine::new();
    machine.program("cache/nats-server-2.15.1/nats-server", "");
    let error = machine.find().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cache/nats-server-2.15.1 is damaged"),
        "{error}"
    );
}

#[test]
fn go_is_judged_by_its_version() {
    let machine = Machine::new();
    let new = machine.program("new/go", "go version go1.25.0 linux/amd64");
    let old = machine.program("old/go", "go version go1.24.9 linux/amd64");
    assert_eq!(
        find_go(Some(new.clone()), version_in).unwrap(),
        Go::Usable(new)
    );
    assert_eq!(
        find_go(Some(old), version_in).unwrap(),
        Go::TooOld(Version::new(1, 24, 9))
    );
    assert_eq!(find_go(None, version_in).unwrap(), Go::Missing);
}

#[test]
fn advice_names_every_way_out_and_what_was_refused() {
    let debian = (
        PathBuf::from("/usr/bin/nats-server"),
        Version::new(2, 9, 10),
    );
    let text = advice(&Go::Missing, Some(&debian));
    let wanted = [
        "no Go on PATH",
        "1.25 or newer",
        "GENNAKER_NATS_SERVER=",
        "2.14.4 or newer on PATH",
        "2.9.10",
    ];
    for part in wanted {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    let text = advice(&Go::TooOld(Version::new(1, 19, 8)), None);
    assert!(text.contains("the Go on PATH is 1.19.8"), "{text}");
    assert!(!text.contains("cannot be used"), "{text}");
}
