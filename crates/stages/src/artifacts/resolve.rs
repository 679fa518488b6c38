//! Which artifacts a list of expected ones stands for.

use serde_json::Value;

use super::{Artifact, BadPattern, Expected, Matcher, excerpt};

/// Longest text about artifacts in an error, in characters: a reference may be a whole file.
const SHOWN_CHARS_MAX: usize = 2_000;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The bound artifacts in order, each once.
    pub artifacts: Vec<Artifact>,
    /// The expected artifacts with their `boundArtifact`.
    pub expected: Vec<Value>,
}

/// Why an expected artifact stands for nothing, in Orca's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// No artifact matches it, and nothing else will do.
    #[error("Unmatched expected artifact {0} could not be resolved.")]
    Unmatched(String),
    /// More than one does, where only one may.
    #[error("Expected artifact {expected} matches multiple artifacts {found}")]
    Several {
        /// The expected one.
        expected: String,
        /// What matches.
        found: String,
    },
    /// It cannot be compared.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
}

/// Binds each expected artifact: to what matches among `current`; else, where it says so, among `prior`, those of an earlier
/// execution; else to its default. With `unique`, more than one match is an error; without, the first is taken.
///
/// # Errors
/// [`Unresolved`] of the first that cannot be bound.
pub fn resolve(
    expected: &[Expected],
    current: &[Artifact],
    prior: &[Artifact],
    unique: bool,
) -> Result<Resolved, Unresolved> {
    let mut resolved = Resolved {
        artifacts: Vec::new(),
        expected: Vec::new(),
    };
    for one in expected {
        let matcher = Matcher::of(&one.pattern);
        let mut found = only(one, &matcher, current, unique)?;
        if found.is_none() && one.use_prior {
            found = only(one, &matcher, prior, unique)?;
        }
        if found.is_none() && one.use_default {
            found = one.default.as_ref();
        }
        let found =
            found.ok_or_else(|| Unresolved::Unmatched(excerpt(one.shown(), SHOWN_CHARS_MAX)))?;
        if !resolved.artifacts.contains(found) {
            resolved.artifacts.push(found.clone());
        }
        resolved.expected.push(one.bound_to(found));
    }
    Ok(resolved)
}

fn only<'a>(
    expected: &Expected,
    matcher: &Matcher<'_>,
    artifacts: &'a [Artifact],
    unique: bool,
) -> Result<Option<&'a Artifact>, Unresolved> {
    let mut found: Vec<&Artifact> = Vec::new();
    for artifact in artifacts {
        if matcher.matches(artifact)? {
            found.push(artifact);
            if !unique {
                break;
            }
        }
    }
    if found.len() > 1 {
        let shown: Vec<String> = found.into_iter().map(Artifact::shown).collect();
        return Err(Unresolved::Several {
            expected: excerpt(expected.shown(), SHOWN_CHARS_MAX),
            found: excerpt(format!("[{}]", shown.join(", ")), SHOWN_CHARS_MAX),
        });
    }
    Ok(found.pop())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn artifacts(value: Value) -> Vec<Artifact> {
        super::super::read_all(Some(&value), "artifacts").unwrap()
    }

    fn expected(value: Value) -> Vec<Expected> {
        super::super::read_expected(Some(&value), "expectedArtifacts").unwrap()
    }

    #[test]
    fn current_comes_before_prior_and_prior_before_default() {
        let wanted = expected(
            json!([{"id": "e", "matchArtifact": {"name": "a"}, "usePriorArtifact": true,
            "useDefaultArtifact": true, "defaultArtifact": {"name": "d"}}]),
        );
        let (here, there, none) = (
            artifacts(json!([{"name": "a", "version": "1"}])),
            artifacts(json!([{"name": "a", "version": "0"}])),
            Vec::new(),
        );
        for (current, prior, bound) in [
            (&here, &there, &here[0]),
            (&none, &there, &there[0]),
            (&none, &none, wanted[0].default.as_ref().unwrap()),
        ] {
            let resolved = resolve(&wanted, current, prior, true).unwrap();
            assert_eq!(resolved.artifacts, std::slice::from_ref(bound));
            assert_eq!(resolved.expected[0]["boundArtifact"], bound.to_value());
        }
    }

    #[test]
    fn an_artifact_that_is_expected_twice_is_listed_once() {
        let wanted = expected(
            json!([{"id": "1", "matchArtifact": {"name": "a"}}, {"id": "2", "matchArtifact": {}}]),
        );
        let resolved = resolve(&wanted, &artifacts(json!([{"name": "a"}])), &[], false).unwrap();
        assert_eq!((resolved.artifacts.len(), resolved.expected.len()), (1, 2));
    }

    #[test]
    fn errors_have_orcas_words() {
        let wanted = expected(
            json!([{"id": "e", "matchArtifact": {"type": "t", "name": "a"}, "useDefaultArtifact": true}]),
        );
        let shown = "ExpectedArtifact(matchArtifact=Artifact(type=t, customKind=false, name=a, version=null, location=null, \
            reference=null, metadata={}, artifactAccount=null, provenance=null, uuid=null), usePriorArtifact=false, \
            useDefaultArtifact=true, defaultArtifact=null, id=e, boundArtifact=null)";
        assert_eq!(
            resolve(&wanted, &[], &[], false).unwrap_err().to_string(),
            format!("Unmatched expected artifact {shown} could not be resolved.")
        );
        let two = artifacts(
            json!([{"type": "t", "name": "a", "version": "1"}, {"type": "t", "name": "a", "version": "2"}]),
        );
        let several = resolve(&wanted, &two, &[], true).unwrap_err().to_string();
        assert!(several.starts_with(&format!(
            "Expected artifact {shown} matches multiple artifacts [Artifact(type=t,"
        )));
        let first = resolve(&wanted, &two, &[], false).unwrap();
        assert_eq!(first.artifacts[0].text("version"), Some("1"));
        let large = expected(json!([{"matchArtifact": {"reference": "x".repeat(9_000)}}]));
        let error = resolve(&large, &[], &[], false).unwrap_err().to_string();
        assert!(error.len() < 3_000 && error.ends_with("… could not be resolved."));
    }
}
