use super::super::rules::{CRATES, WALLS};
use super::*;

const RULES: &[Rule] = &[
    Rule {
        name: "model",
        layer: Layer::Pure,
        may_use: &[],
    },
    Rule {
        name: "engine",
        layer: Layer::Pure,
        may_use: &["model"],
    },
    Rule {
        name: "bus",
        layer: Layer::Library,
        may_use: &["model"],
    },
    Rule {
        name: "testkit",
        layer: Layer::Root,
        may_use: &["bus", "model"],
    },
];

const ONE_WALL: &[Wall] = &[Wall {
    library: "async-nats",
    crates: &["bus"],
}];

fn member(folder: &str, normal: &[&str], dev: &[&str]) -> Crate {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Crate {
        package: format!("gennaker-{folder}"),
        folder: folder.to_owned(),
        normal: owned(normal),
        dev: owned(dev),
        inherits_lints: true,
        own_versions: Vec::new(),
        has_clippy_toml: true,
        with_test_features: Vec::new(),
        is_default: false,
    }
}

/// A workspace that keeps all rules.
fn good() -> [Crate; 4] {
    [
        member("model", &["serde"], &["proptest"]),
        member("engine", &["gennaker-model"], &["gennaker-testkit"]),
        member(
            "bus",
            &["gennaker-model", "async-nats", "tokio"],
            &["gennaker-engine"],
        ),
        member("testkit", &["gennaker-model", "gennaker-bus", "tokio"], &[]),
    ]
}

/// What is broken when the first four crates of the good workspace are changed so.
fn broken_by(change: impl FnOnce(&mut [Crate; 4])) -> Vec<String> {
    let mut crates = good();
    change(&mut crates);
    violations(RULES, ONE_WALL, &crates)
}

#[test]
fn a_good_workspace_breaks_nothing() {
    assert_eq!(broken_by(|_| {}), [""; 0]);
}

#[test]
fn features_for_tests_stay_out_of_what_is_shipped() {
    let broken = broken_by(|crates| crates[2].with_test_features.push("tokio".into()));
    assert_eq!(
        broken,
        ["gennaker-bus takes tokio with features for tests: move them to its dev-dependencies"]
    );
    let broken = broken_by(|crates| crates[2].is_default = true);
    assert!(
        broken.len() == 1 && broken[0].contains("default-members"),
        "{broken:?}"
    );
}

#[test]
fn an_arrow_that_points_up_is_found() {
    let broken = broken_by(|crates| crates[0].normal.push("gennaker-engine".into()));
    assert_eq!(
        broken,
        ["gennaker-model must not depend on gennaker-engine"]
    );
    let broken = broken_by(|crates| crates[2].normal.push("gennaker-testkit".into()));
    assert_eq!(broken, ["gennaker-bus must not depend on gennaker-testkit"]);
}

#[test]
fn an_impure_library_in_a_pure_crate_is_found() {
    for library in ["tokio", "rand", "reqwest"] {
        let broken = broken_by(|crates| crates[1].normal.push(library.into()));
        assert_eq!(
            broken,
            [format!(
                "gennaker-engine is pure and must not depend on {library}"
            )]
        );
    }
}

#[test]
fn a_pure_crate_is_tested_with_pure_crates_and_the_testkit() {
    let broken = broken_by(|crates| crates[0].dev.push("gennaker-engine".into()));
    assert_eq!(broken, [""; 0]);
    let broken = broken_by(|crates| crates[0].dev.push("gennaker-bus".into()));
    assert_eq!(
        broken,
        ["gennaker-model is pure and must not be tested with gennaker-bus"]
    );
}

#[test]
fn a_library_behind_a_wall_is_found_in_every_kind_of_dependency() {
    let wanted = ["gennaker-testkit names async-nats, which only bus may"];
    assert_eq!(
        broken_by(|crates| crates[3].normal.push("async-nats".into())),
        wanted
    );
    assert_eq!(
        broken_by(|crates| crates[3].dev.push("async-nats".into())),
        wanted
    );
}

#[test]
fn a_crate_without_a_rule_and_a_rule_without_a_crate_are_found() {
    let mut crates = good().to_vec();
    crates.push(member("utils", &[], &[]));
    let broken = violations(RULES, ONE_WALL, &crates);
    assert_eq!(
        broken,
        ["gennaker-utils is not in the table of crates/xtask/src/architecture/rules.rs"]
    );

    let broken = violations(RULES, ONE_WALL, &good()[..3]);
    assert_eq!(
        broken,
        ["the table of allowed dependencies names testkit, which does not exist"]
    );
}

#[test]
fn manifests_must_lean_on_the_workspace() {
    let broken = broken_by(|crates| crates[2].inherits_lints = false);
    assert_eq!(broken.len(), 1);
    assert!(
        broken[0].contains("`[lints] workspace = true`"),
        "{broken:?}"
    );

    let broken = broken_by(|crates| crates[2].own_versions.push("tokio".into()));
    assert_eq!(
        broken,
        ["gennaker-bus has a version of its own for tokio: write `tokio.workspace = true`"]
    );
}

#[test]
fn folder_and_package_have_one_name() {
    let broken = broken_by(|crates| crates[2].folder = "broker".into());
    assert!(
        broken.contains(
            &"gennaker-bus lies in the folder broker: the two names do not match".to_owned()
        ),
        "{broken:?}"
    );
}

#[test]
fn a_pure_crate_needs_its_clippy_toml() {
    let broken = broken_by(|crates| crates[0].has_clippy_toml = false);
    assert_eq!(broken.len(), 1);
    assert!(
        broken[0].contains("gennaker-model is pure and has no clippy.toml"),
        "{broken:?}"
    );
    assert_eq!(
        broken_by(|crates| crates[2].has_clippy_toml = false),
        [""; 0]
    );
}

/// The real table has no way round: following its arrows never leads back.
#[test]
fn the_real_table_has_no_cycle_and_no_arrow_from_a_library_to_a_root() {
    let mut done: Vec<&str> = Vec::new();
    while done.len() < CRATES.len() {
        let ready = |rule: &&Rule| {
            !done.contains(&rule.name) && rule.may_use.iter().all(|name| done.contains(name))
        };
        let next: Vec<_> = CRATES.iter().filter(ready).map(|rule| rule.name).collect();
        assert!(
            !next.is_empty(),
            "the arrows among the crates other than {done:?} form a cycle"
        );
        done.extend(next);
    }
    for rule in CRATES.iter().filter(|rule| rule.layer != Layer::Root) {
        for name in rule.may_use {
            let target = rule_of(CRATES, name).unwrap();
            assert_ne!(target.layer, Layer::Root, "{} uses {name}", rule.name);
            assert!(
                rule.layer != Layer::Pure || target.layer == Layer::Pure,
                "{} uses {name}",
                rule.name
            );
        }
    }
}

#[test]
fn walls_name_crates_that_exist() {
    for name in WALLS.iter().flat_map(|wall| wall.crates) {
        assert!(rule_of(CRATES, name).is_some(), "{name}");
    }
}
