use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A machine with programs in some places. The "programs" are files that hold what they would print.
struct Machine {
    folder: tempfile::TempDir,
    places: Places,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = env::join_paths([folder.path().join("bin"), folder.path().join("local")]);
        let places = Places {
            named: None,
            path: Some(path.unwrap()),
            tools: Some(folder.path().join("tools")),
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

    fn find(&self) -> Result<PathBuf, Missing> {
        self.places.find_by(|program| {
            let text = fs::read_to_string(program).map_err(|error| error.to_string())?;
            Version::find(&text).ok_or_else(|| "no version".to_owned())
        })
    }
}

const BUILT_AT: &str = "tools/nats-server-2.15.1/nats-server";

#[test]
fn the_named_one_comes_first_then_path_then_the_tools() {
    let mut machine = Machine::new();
    assert!(matches!(machine.find(), Err(Missing::None)));

    let built = machine.program(BUILT_AT, "nats-server: v2.15.1");
    assert_eq!(machine.find().unwrap(), built);

    let on_path = machine.program("bin/nats-server", "nats-server: v2.14.4");
    assert_eq!(machine.find().unwrap(), on_path);

    let named = machine.program("own/server", "nats-server: v2.16.0");
    machine.places.named = Some(named.clone());
    assert_eq!(machine.find().unwrap(), named);
}

#[test]
fn an_old_one_on_path_is_passed_over_and_remembered() {
    let machine = Machine::new();
    let old = machine.program("bin/nats-server", "nats-server: v2.9.10");
    let missing = machine.find().unwrap_err();
    assert!(
        matches!(&missing, Missing::TooOld { program, .. } if *program == old),
        "{missing:?}"
    );
    let said = format!("{missing}: {}", missing.way_out());
    for part in [
        "2.9.10",
        "2.14.4",
        "Debian",
        "cargo xtask tools",
        "Go 1.25",
        "PATH",
        VARIABLE,
    ] {
        assert!(said.contains(part), "{part:?} is missing in {said:?}");
    }
    // One that is no nats-server at all neither.
    machine.program("local/nats-server", "hello");
    let built = machine.program(BUILT_AT, "nats-server: v2.15.1");
    assert_eq!(machine.find().unwrap(), built);
    let newer = machine.program("local/nats-server", "nats-server: v2.14.6");
    assert_eq!(machine.find().unwrap(), newer);
}

#[test]
fn a_named_one_is_never_passed_over() {
    let mut machine = Machine::new();
    machine.program("bin/nats-server", "nats-server: v2.15.1");
    machine.places.named = Some("/no/such/file".into());
    let missing = machine.find().unwrap_err();
    assert!(
        matches!(missing, Missing::Named { .. }) && missing.way_out().contains("unset it"),
        "{missing}"
    );

    machine.places.named = Some(machine.program("own/server", "nats-server: v2.14.3"));
    let missing = machine.find().unwrap_err().to_string();
    assert!(
        missing.contains("2.14.3") && missing.contains("2.14.4 or newer"),
        "{missing}"
    );
}

#[test]
fn a_damaged_tool_says_what_to_remove() {
    let machine = Machine::new();
    machine.program(BUILT_AT, "");
    let missing = machine.find().unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("tools/nats-server-2.15.1 is damaged")
            && missing.way_out().contains("remove that folder"),
        "{missing}"
    );
}

#[test]
fn the_folder_of_tools_is_absolute() {
    let home = || Some(PathBuf::from("/home/a"));
    let usual = Some(PathBuf::from("/home/a/.cache/gennaker/tools"));
    assert_eq!(
        tools(Some("/cache".into()), home()),
        Some("/cache/gennaker/tools".into())
    );
    assert_eq!(tools(Some("cache".into()), home()), usual);
    assert_eq!(tools(None, home()), usual);
    assert_eq!(tools(None, None), None);
}

#[test]
fn only_executable_files_are_programs() {
    let machine = Machine::new();
    let path = machine.places.path.as_ref();
    fs::create_dir_all(machine.folder.path().join("bin/tool")).unwrap();
    assert_eq!(on_path(path, "tool"), Vec::<PathBuf>::new());
    let wanted = machine.program("local/tool", "");
    assert_eq!(on_path(path, "tool"), std::slice::from_ref(&wanted));
    fs::set_permissions(&wanted, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(on_path(path, "tool"), Vec::<PathBuf>::new());
    assert_eq!(on_path(None, "tool"), Vec::<PathBuf>::new());
}
