//! Compares the workspace with the rules. Pure: crates in, sentences out.

use super::rules::{IMPURE, Layer, PRODUCT, Rule, SIMULATION, TESTKIT, Wall};
use super::workspace::Crate;

/// Every broken rule, as a sentence that says what to do.
pub(super) fn violations(rules: &[Rule], walls: &[Wall], crates: &[Crate]) -> Vec<String> {
    let mut broken = stale_rules(rules, crates);
    for subject in crates {
        broken.extend(of_manifest(subject));
        broken.extend(of_walls(walls, subject));
        match rule_of(rules, &subject.folder) {
            None => broken.push(format!(
                "{} is not in the table of crates/xtask/src/architecture/rules.rs",
                subject.package
            )),
            Some(rule) => {
                broken.extend(of_arrows(rule, subject, crates));
                if rule.layer == Layer::Pure {
                    broken.extend(of_purity(rules, subject, crates));
                }
            }
        }
    }
    broken
}

fn stale_rules(rules: &[Rule], crates: &[Crate]) -> Vec<String> {
    let names_nobody = |name: &str| !crates.iter().any(|subject| subject.folder == name);
    let mut stale: Vec<_> = rules
        .iter()
        .map(|rule| rule.name)
        .filter(|name| names_nobody(name))
        .collect();
    stale.extend(
        rules
            .iter()
            .flat_map(|rule| rule.may_use)
            .filter(|name| rule_of(rules, name).is_none()),
    );
    stale
        .iter()
        .map(|name| format!("the table of allowed dependencies names {name}, which does not exist"))
        .collect()
}

fn of_manifest(subject: &Crate) -> Vec<String> {
    let package = &subject.package;
    let mut broken = Vec::new();
    let is_named_by_folder =
        *package == format!("gennaker-{}", subject.folder) || *package == subject.folder;
    if !is_named_by_folder || !package.starts_with("gennaker") {
        broken.push(format!(
            "{package} lies in the folder {}: the two names do not match",
            subject.folder
        ));
    }
    if !subject.inherits_lints {
        broken.push(format!(
            "{package} does not take its lints from the workspace: add `[lints] workspace = true`"
        ));
    }
    if subject.is_default && subject.folder != PRODUCT {
        broken.push(format!(
            "{package} is built when nothing is named, and only {PRODUCT} must be: see `default-members`"
        ));
    }
    for dependency in &subject.with_test_features {
        // What the simulation enables reaches nothing that ships, because nothing that ships is built along with it.
        if subject.folder != SIMULATION {
            broken.push(format!(
                "{package} takes {dependency} with features for tests: move them to its dev-dependencies"
            ));
        }
    }
    for dependency in &subject.own_versions {
        broken.push(format!("{package} has a version of its own for {dependency}: write `{dependency}.workspace = true`"));
    }
    broken
}

fn of_walls(walls: &[Wall], subject: &Crate) -> Vec<String> {
    let named = |library: &str| {
        subject
            .normal
            .iter()
            .chain(&subject.dev)
            .any(|dependency| dependency == library)
    };
    let behind = walls
        .iter()
        .filter(|wall| !wall.crates.contains(&subject.folder.as_str()) && named(wall.library));
    behind
        .map(|wall| {
            format!(
                "{} names {}, which only {} may",
                subject.package,
                wall.library,
                wall.crates.join(", ")
            )
        })
        .collect()
}

fn of_arrows(rule: &Rule, subject: &Crate, crates: &[Crate]) -> Vec<String> {
    let ours = subject
        .normal
        .iter()
        .filter_map(|dependency| ours(crates, dependency));
    let forbidden = ours.filter(|other| !rule.may_use.contains(&other.folder.as_str()));
    forbidden
        .map(|other| format!("{} must not depend on {}", subject.package, other.package))
        .collect()
}

fn of_purity(rules: &[Rule], subject: &Crate, crates: &[Crate]) -> Vec<String> {
    let package = &subject.package;
    let mut broken = Vec::new();
    for library in subject
        .normal
        .iter()
        .filter(|dependency| IMPURE.contains(&dependency.as_str()))
    {
        broken.push(format!(
            "{package} is pure and must not depend on {library}"
        ));
    }
    for other in subject
        .dev
        .iter()
        .filter_map(|dependency| ours(crates, dependency))
    {
        let is_pure = rule_of(rules, &other.folder).is_some_and(|rule| rule.layer == Layer::Pure);
        if !is_pure && other.folder != TESTKIT {
            broken.push(format!(
                "{package} is pure and must not be tested with {}",
                other.package
            ));
        }
    }
    if !subject.has_clippy_toml {
        broken.push(format!(
            "{package} is pure and has no clippy.toml that bans clocks, randomness and hash maps"
        ));
    }
    broken
}

fn rule_of<'a>(rules: &'a [Rule], folder: &str) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.name == folder)
}

fn ours<'a>(crates: &'a [Crate], package: &str) -> Option<&'a Crate> {
    crates.iter().find(|candidate| candidate.package == package)
}

#[cfg(test)]
mod tests;
