//! A Kubernetes control plane, which everything about Kubernetes is tested with. What it is made of is in `tests/testbed`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use gennaker_broker::Version;

use super::install::{Tool, install};
use crate::process;

/// What names a folder with the programs; the tests look at it too.
const VARIABLE: &str = "GENNAKER_KUBE";

/// What Kubernetes asks for.
const GO_MIN: Version = Version::new(1, 26, 0);

/// The version of Kubernetes in `go.mod`.
const KUBERNETES: &str = "1.36.3";

/// Its version ends with a number of our own, which rises when `tests/testbed` changes and Kubernetes does not.
const SERVER: Tool = Tool {
    name: "kube",
    version: "1.36.3-1",
    program: "testbed",
    announcement: "building a Kubernetes control plane for tests, with go (6 to 12 minutes and 3 GB of cache, this once)",
};

/// The names that the one program goes by.
const PROGRAMS: [&str; 7] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
    "pod-logs",
];

/// The folder with the programs to test with; builds them when there is none.
///
/// # Errors
/// When the one that is named has no programs, when there is no Go that could build them, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        return match PROGRAMS
            .iter()
            .find(|program| !named.join(program).is_file())
        {
            None => Ok(named),
            Some(missing) => bail!(
                "{VARIABLE} names {}, which has no {missing}",
                named.display()
            ),
        };
    }
    let program = install(&super::folder()?, &SERVER, build)?;
    Ok(program.parent().map(Path::to_owned).unwrap_or_default())
}

fn build(folder: &Path) -> Result<()> {
    let go = super::on_path("go")
        .filter(|go| Version::of_program(go, "version").is_ok_and(|version| version >= GO_MIN))
        .with_context(|| {
            format!(
                "building Kubernetes needs Go {}.{} or newer on PATH; or set {VARIABLE}=/folder/with/its/programs",
                GO_MIN.major, GO_MIN.minor
            )
        })?;
    let mut command = Command::new(go);
    command
        .args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-ldflags",
            &link_flags(),
            "-o",
        ])
        .args([folder.join(SERVER.program).as_os_str(), ".".as_ref()])
        .current_dir(process::workspace_root()?.join("tests/testbed"))
        .env("GO111MODULE", "on")
        .env("GOFLAGS", "-buildvcs=false")
        // Needs no C compiler, and the program runs on any distribution.
        .env("CGO_ENABLED", "0");
    process::run(&mut command).with_context(|| {
        format!("without a way to the Go modules, set {VARIABLE}=/folder/with/its/programs")
    })?;
    for program in PROGRAMS {
        std::os::unix::fs::symlink(SERVER.program, folder.join(program))
            .with_context(|| format!("failed to link {program}"))?;
    }
    Ok(())
}

/// What `/version` and `kubectl version` say; without it, v0.0.0.
fn link_flags() -> String {
    let mut parts = KUBERNETES.splitn(3, '.');
    let (major, minor) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let mut flags = "-s -w".to_owned();
    for package in [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ] {
        for (name, value) in [
            ("gitVersion", format!("v{KUBERNETES}")),
            ("gitMajor", major.to_owned()),
            ("gitMinor", minor.to_owned()),
            ("gitCommit", "unknown".to_owned()),
        ] {
            flags.push_str(&format!(" -X {package}.{name}={value}"));
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that the program is made of.
    const SOURCES: [&str; 4] = [
        include_str!("../../../../tests/testbed/go.mod"),
        include_str!("../../../../tests/testbed/go.sum"),
        include_str!("../../../../tests/testbed/main.go"),
        include_str!("../../../../tests/testbed/logs.go"),
    ];
    /// FNV-1a of them, of the version above.
    const HASH: u64 = 0x5c63_5dad_187b_dad1;

    #[test]
    fn a_change_of_the_sources_is_a_new_version() {
        let bytes = SOURCES.iter().flat_map(|text| text.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(
            hash, HASH,
            "tests/testbed changed: raise the version here and in crates/testkit/src/kube.rs, and write this hash down"
        );
    }

    #[test]
    fn the_version_is_that_of_the_module() {
        assert!(SERVER.version.starts_with(&format!("{KUBERNETES}-")));
        assert!(SOURCES[0].contains(&format!("k8s.io/kubernetes v{KUBERNETES}")));
    }

    #[test]
    fn the_programs_tell_their_version() {
        let flags = link_flags();
        for part in ["gitVersion=v1.36.3", "gitMajor=1", "gitMinor=36"] {
            assert!(flags.contains(part), "{part} is missing in {flags}");
        }
    }
}
